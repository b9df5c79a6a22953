-- +goose Up
-- Quality of a leg in stretches of 5 s: MOS (ITU-T G.107) of the worst, of the last
-- and the mean of all, in hundredths; 0: there was none.
ALTER TABLE call_legs ADD COLUMN mos_lowest_centi INTEGER NOT NULL DEFAULT 0;
ALTER TABLE call_legs ADD COLUMN mos_last_centi INTEGER NOT NULL DEFAULT 0;
ALTER TABLE call_legs ADD COLUMN mos_mean_centi INTEGER NOT NULL DEFAULT 0;
