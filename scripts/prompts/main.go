// Command prompts speaks the voice prompts that are new or changed in
// configs/prompts and writes their WAV files and the manifest. It needs a
// speech engine (pico2wave, from Debian's non-free libttspico-utils; else
// espeak-ng) and sox. It is run by hand, by `make prompts`; builds and tests
// use the files that are committed.
package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"pickup/configs"
)

// dir is where the prompts live, from the root of the project.
const dir = "configs/prompts"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "prompts:", err)
		os.Exit(1)
	}
}

func run() error {
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("run me in the root of the project: %w", err)
	}
	say, err := findEngine()
	if err != nil {
		return err
	}
	if _, err := exec.LookPath("sox"); err != nil {
		return errors.New("sox is missing (apt-get install sox)")
	}
	old, err := readManifest()
	if err != nil {
		return err
	}
	m := configs.PromptManifest{Engine: say.name, Prompts: map[string]map[string]configs.ManifestPrompt{}}
	spoken := 0
	for _, language := range configs.Languages() {
		m.Prompts[language] = map[string]configs.ManifestPrompt{}
		texts, err := configs.Catalogue(language)
		if err != nil {
			return err
		}
		for _, id := range slices.Sorted(maps.Keys(texts)) {
			entry, again, err := prompt(say, language, id, texts[id], old.Prompts[language][id])
			if err != nil {
				return fmt.Errorf("%s/%s: %w", language, id, err)
			}
			if again {
				spoken++
			}
			m.Prompts[language][id] = entry
		}
		if err := removeOthers(language, texts); err != nil {
			return err
		}
	}
	fmt.Printf("%d prompts spoken by %s\n", spoken, say.name)
	return writeManifest(m)
}

// prompt makes one file, unless the one that is there speaks the same text.
func prompt(say engine, language, id string, p configs.PromptText, old configs.ManifestPrompt) (configs.ManifestPrompt, bool, error) {
	path := filepath.Join(dir, language, id+".wav")
	textHash := hash([]byte(p.Text))
	by := say.name + " " + say.voices[language]
	if file, err := os.ReadFile(path); err == nil && old.TextSHA256 == textHash && old.WAVSHA256 == hash(file) && old.Engine == by {
		return old, false, nil
	}
	wav, err := speak(say, language, cmp.Or(p.SSML, p.Text))
	if err != nil {
		return old, false, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return old, false, err
	}
	if err := os.WriteFile(path, wav, 0o644); err != nil {
		return old, false, err
	}
	samples, rate, err := configs.DecodeWAV(wav)
	if err != nil {
		return old, false, err
	}
	return configs.ManifestPrompt{
		TextSHA256: textHash, WAVSHA256: hash(wav), Engine: by, DurationMS: len(samples) * 1000 / rate,
	}, true, nil
}

// engine is a program that speaks.
type engine struct {
	name   string // with its version
	voices map[string]string
	argv   func(voice, text, out string) []string
}

func findEngine() (engine, error) {
	if _, err := exec.LookPath("pico2wave"); err == nil {
		return engine{
			name:   "svox-pico " + packageVersion("libttspico-utils"),
			voices: map[string]string{"fr": "fr-FR", "en": "en-GB"},
			argv: func(voice, text, out string) []string {
				return []string{"pico2wave", "-l", voice, "-w", out, `<speed level="95">` + text + `</speed>`}
			},
		}, nil
	}
	if _, err := exec.LookPath("espeak-ng"); err == nil {
		return engine{
			name:   "espeak-ng " + packageVersion("espeak-ng"),
			voices: map[string]string{"fr": "fr", "en": "en-gb"},
			argv: func(voice, text, out string) []string {
				return []string{"espeak-ng", "-v", voice, "-s", "150", "-w", out, text}
			},
		}, nil
	}
	return engine{}, errors.New("no speech engine (apt-get install libttspico-utils from non-free, or espeak-ng)")
}

func packageVersion(name string) string {
	out, err := exec.Command("dpkg-query", "-W", "-f", "${Version}", name).Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// speak returns 16 kHz mono PCM16: trimmed, with a breath of silence before and
// after, at the level that the tests ask for.
func speak(say engine, language, text string) ([]byte, error) {
	tmp, err := os.MkdirTemp("", "prompts")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	raw, trimmed := filepath.Join(tmp, "raw.wav"), filepath.Join(tmp, "trimmed.wav")
	if err := command(say.argv(say.voices[language], text, raw)...); err != nil {
		return nil, err
	}
	edge := []string{"silence", "1", "0.02", "0.3%"}
	args := []string{"sox", "-D", raw, "-r", "16000", "-c", "1", "-b", "16", "-e", "signed-integer", trimmed, "highpass", "90"}
	args = append(args, edge...)
	args = append(append(args, "reverse"), edge...)
	args = append(args, "fade", "0.02", "reverse", "fade", "0.005", "pad", "0.12", "0.18")
	if err := command(args...); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(trimmed)
	if err != nil {
		return nil, err
	}
	return levelled(data, tmp)
}

// levelled brings speech to -20 dBFS RMS, with a soft limit below -1 dBFS peak.
func levelled(data []byte, tmp string) ([]byte, error) {
	samples, _, err := configs.DecodeWAV(data)
	if err != nil {
		return nil, err
	}
	gain := -20 - rms(samples)
	in, out := filepath.Join(tmp, "in.wav"), filepath.Join(tmp, "out.wav")
	if err := os.WriteFile(in, data, 0o600); err != nil {
		return nil, err
	}
	args := []string{"sox", "-D", in, out, "gain", fmt.Sprintf("%.2f", gain)}
	if p := peak(samples) + gain; p > -1.2 {
		args[len(args)-1] = fmt.Sprintf("%.2f", gain-(p+1.2))
	}
	if err := command(args...); err != nil {
		return nil, err
	}
	return os.ReadFile(out)
}

func rms(samples []int16) float64 {
	sum := 0.0
	for _, s := range samples {
		sum += float64(s) * float64(s)
	}
	return 10 * math.Log10(sum/float64(len(samples))/(32768*32768))
}

func peak(samples []int16) float64 {
	top := 0.0
	for _, s := range samples {
		top = max(top, math.Abs(float64(s)))
	}
	return 20 * math.Log10(top/32768)
}

func command(argv ...string) error {
	var stderr bytes.Buffer
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", argv[0], err, strings.TrimSpace(stderr.String()))
	}
	return nil
}

// removeOthers deletes recordings that no catalogue names any more.
func removeOthers(language string, texts map[string]configs.PromptText) error {
	files, err := filepath.Glob(filepath.Join(dir, language, "*.wav"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if _, ok := texts[strings.TrimSuffix(filepath.Base(f), ".wav")]; !ok {
			if err := os.Remove(f); err != nil {
				return err
			}
		}
	}
	return nil
}

func readManifest() (configs.PromptManifest, error) {
	var m configs.PromptManifest
	data, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(data, &m)
}

func writeManifest(m configs.PromptManifest) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "manifest.json"), append(data, '\n'), 0o644)
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
