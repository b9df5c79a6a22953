package configs

import (
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
)

//go:embed prompts
var promptFiles embed.FS

// PromptText is one sentence of the catalogue.
type PromptText struct {
	Text  string `koanf:"text"`  // what is spoken
	SSML  string `koanf:"ssml"`  // spoken instead of Text by an engine that knows it, or ""
	Since string `koanf:"since"` // release that brought it, or ""
	Notes string `koanf:"notes"` // for translators
}

// Catalogue returns every sentence of a language by its id. The fault of an
// unknown language or a broken file is an error.
func Catalogue(language string) (map[string]PromptText, error) {
	data, err := promptFiles.ReadFile("prompts/" + language + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("prompts of language %q: %w", language, err)
	}
	raw, err := readYAML(data)
	if err != nil {
		return nil, fmt.Errorf("prompts/%s.yaml: %w", language, err)
	}
	out := make(map[string]PromptText, len(raw))
	d := decoder{}
	d.value("", raw, reflect.ValueOf(&out).Elem())
	if err := d.faults.err(); err != nil {
		return nil, fmt.Errorf("prompts/%s.yaml: %w", language, err)
	}
	return out, nil
}

// PromptIDs returns the id of every prompt in alphabetical order. Each exists
// in every one of Languages.
func PromptIDs() []string {
	m, err := Manifest()
	if err != nil {
		return nil // impossible in a tested build: the manifest is embedded
	}
	ids := make([]string, 0, len(m.Prompts["en"]))
	for id := range m.Prompts["en"] {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Prompt returns the shipped recording of a prompt: a WAV file, 16 kHz, mono,
// PCM16. It reports false for a prompt or language that does not exist. The
// bytes are the caller's own.
func Prompt(language, id string) (wav []byte, ok bool) {
	data, err := promptFiles.ReadFile("prompts/" + language + "/" + id + ".wav")
	return data, err == nil
}

// SitePrompt is Prompt, but a file <dir>/<language>/<id>.wav of the site's own
// goes first. Language and id are checked against the catalogue before a path
// is made of them. A file that cannot be read counts as none.
func SitePrompt(dir, language, id string) (wav []byte, ok bool) {
	shipped, ok := Prompt(language, id)
	if !ok || dir == "" {
		return shipped, ok
	}
	own, err := os.ReadFile(filepath.Join(dir, language, id+".wav"))
	if err != nil {
		return shipped, true
	}
	return own, true
}

// PromptManifest says how the shipped recordings were made.
type PromptManifest struct {
	Engine  string                               `json:"engine"` // speech engine and its version
	Prompts map[string]map[string]ManifestPrompt `json:"prompts"`
}

// ManifestPrompt ties a recording to the sentence it speaks.
type ManifestPrompt struct {
	TextSHA256 string `json:"text_sha256"` // hex, of the text of the catalogue
	WAVSHA256  string `json:"wav_sha256"`  // hex, of the whole file
	Engine     string `json:"engine"`      // that spoke it: "name version voice"
	DurationMS int    `json:"duration_ms"`
}

// Manifest returns the manifest of the shipped recordings.
func Manifest() (PromptManifest, error) {
	var m PromptManifest
	data, err := promptFiles.ReadFile("prompts/manifest.json")
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil {
		return PromptManifest{}, fmt.Errorf("prompts/manifest.json: %w", err)
	}
	return m, nil
}
