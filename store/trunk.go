package store

import (
	"context"
	"strings"
	"time"
)

// Trunk is a way to the telephone network.
type Trunk struct {
	ID        string
	Name      string // unique
	Host      string // name or address
	Port      int    // 0: that of the transport
	Transport string // "udp", "tcp", "tls", or "auto": the domain says which (RFC 3263)
	Username  string // of digest; "" without
	Password  string
	Realm     string        // whose challenges are answered; "": those of any
	FromUser  string        // user part of From of the calls to it; "": the caller ID of the queue
	Prefixes  []string      // E.164 prefixes that leave by this trunk; none: all
	Denied    []string      // E.164 prefixes that do not, whatever Prefixes says
	Rank      int           // lower is tried first; equal ones by name
	Rate      float64       // new calls a second, both directions; 0: no limit
	Register  bool          // we register there
	Expires   time.Duration // asked for by REGISTER, whole seconds; 0: 1 h
	Probe     time.Duration // between two OPTIONS, whole seconds; 0: none are sent
	Networks  []string      // CIDR: where its inbound calls come from
	MaxCalls  int           // at one time, both directions; 0: no limit
	Disabled  bool          // neither takes calls nor makes any
	Numbers   []Number      // dialled by its callers, ordered by number
}

// Number is where a dialled number leads.
type Number struct {
	Number   string // E.164, unique among all trunks
	To       string // dialled name of a queue or a menu, lower case
	Language string // of its callers; "": not known from the number
}

const trunkColumns = `id, name, host, port, transport, username, password, prefixes, networks, max_calls, disabled,
	auto_transport, realm, from_user, denied, tried, call_rate, registers, expires_s, probe_s`

func scanTrunk(row scanner) (k Trunk, err error) {
	auto := false
	err = row.Scan(&k.ID, &k.Name, &k.Host, &k.Port, &k.Transport, &k.Username, &k.Password, document{&k.Prefixes},
		document{&k.Networks}, &k.MaxCalls, switched{&k.Disabled}, switched{&auto}, &k.Realm, &k.FromUser, document{&k.Denied},
		&k.Rank, &k.Rate, switched{&k.Register}, span{&k.Expires, time.Second}, span{&k.Probe, time.Second})
	if auto {
		k.Transport = transportAuto
	}
	return k, err
}

// transportAuto is kept in a column of its own.
const transportAuto = "auto"

// UpsertTrunk inserts a trunk or replaces the one of the same ID, its numbers
// too. ErrConflict when another trunk has the name or one of the numbers.
func (s *Store) UpsertTrunk(ctx context.Context, k Trunk) error {
	prefixes, err := text(append([]string{}, k.Prefixes...))
	if err != nil {
		return failed("save a trunk", err)
	}
	networks, err := text(append([]string{}, k.Networks...))
	if err != nil {
		return failed("save a trunk", err)
	}
	denied, err := text(append([]string{}, k.Denied...))
	if err != nil {
		return failed("save a trunk", err)
	}
	transport, auto := k.Transport, k.Transport == transportAuto
	if auto {
		transport = "udp"
	}
	return s.act(ctx, "save a trunk", func(t *tx) error {
		_, err := t.exec(`INSERT INTO trunks (`+trunkColumns+`, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, host = excluded.host, port = excluded.port,
				transport = excluded.transport, username = excluded.username, password = excluded.password,
				prefixes = excluded.prefixes, networks = excluded.networks, max_calls = excluded.max_calls,
				disabled = excluded.disabled, auto_transport = excluded.auto_transport, realm = excluded.realm,
				from_user = excluded.from_user, denied = excluded.denied, tried = excluded.tried, call_rate = excluded.call_rate,
				registers = excluded.registers, expires_s = excluded.expires_s, probe_s = excluded.probe_s, version = trunks.version + 1`,
			k.ID, k.Name, k.Host, k.Port, transport, k.Username, k.Password, prefixes, networks, k.MaxCalls, flag(k.Disabled),
			flag(auto), k.Realm, k.FromUser, denied, k.Rank, k.Rate, flag(k.Register), int64(k.Expires/time.Second), int64(k.Probe/time.Second),
			time.Now().UnixMilli())
		if err != nil {
			return err
		}
		return setNumbers(t, k)
	})
}

func setNumbers(t *tx, k Trunk) error {
	if _, err := t.exec(`DELETE FROM trunk_numbers WHERE trunk_id = $1`, k.ID); err != nil {
		return err
	}
	for _, n := range k.Numbers {
		_, err := t.exec(`INSERT INTO trunk_numbers (number, trunk_id, target, language) VALUES ($1, $2, $3, $4)`,
			n.Number, k.ID, strings.ToLower(n.To), n.Language)
		if err != nil {
			return err
		}
	}
	return nil
}

// Trunks returns every trunk with its numbers, ordered by name.
func (s *Store) Trunks(ctx context.Context) ([]Trunk, error) {
	all, err := list(ctx, s.read, scanTrunk, `SELECT `+trunkColumns+` FROM trunks ORDER BY name`)
	if err != nil {
		return nil, failed("read the trunks", err)
	}
	type assignment struct {
		trunk  string
		number Number
	}
	rows, err := list(ctx, s.read, func(row scanner) (a assignment, err error) {
		err = row.Scan(&a.trunk, &a.number.Number, &a.number.To, &a.number.Language)
		return a, err
	}, `SELECT trunk_id, number, target, language FROM trunk_numbers ORDER BY number`)
	if err != nil {
		return nil, failed("read the numbers of the trunks", err)
	}
	byID := make(map[string]*Trunk, len(all))
	for i := range all {
		byID[all[i].ID] = &all[i]
	}
	for _, a := range rows {
		if k := byID[a.trunk]; k != nil {
			k.Numbers = append(k.Numbers, a.number)
		}
	}
	return all, nil
}

// DeleteTrunk removes a trunk and its numbers. ErrNotFound.
func (s *Store) DeleteTrunk(ctx context.Context, id string) error {
	return s.act(ctx, "delete a trunk", func(t *tx) error {
		if _, err := t.exec(`DELETE FROM trunk_numbers WHERE trunk_id = $1`, id); err != nil {
			return err
		}
		return t.one(`DELETE FROM trunks WHERE id = $1`, id)
	})
}
