package configs

import (
	_ "embed" // the defaults are shipped in the binary
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"
)

// envPrefix begins every variable of ours.
const envPrefix = "PICKUP_"

// EnvFile is the variable that names the settings file where the command line
// does not. cmd reads it; it is not a setting.
const EnvFile = "PICKUP_CONFIG"

//go:embed pickup.yaml
var defaultsYAML []byte

// Defaults returns the commented default settings, a YAML file.
func Defaults() []byte { return slices.Clone(defaultsYAML) }

// demoDefaults stand above the defaults and below the file when the
// demonstration is on.
func demoDefaults() map[string]any {
	return map[string]any{
		"serve.drain":       "30s",
		"sip.guard.trusted": []any{"127.0.0.1/32"},
	}
}

// Load reads the settings: defaults, then file (a path; "" for none), then env
// (as os.Environ; only PICKUP_ variables count, an empty one counts as not
// set), then flags (key as "http.listen" to its text). It returns every fault
// at once as Faults; a file that cannot be read is an ordinary error.
func Load(file string, env []string, flags map[string]string) (*Config, error) {
	known := Keys()
	layers, warnings, err := readLayers(file, env, flags, known)
	if err != nil {
		return nil, err
	}
	cfg, faults := layers.config(known, false)
	if cfg.Demo.Enabled {
		cfg, faults = layers.config(known, true)
	}
	cfg.warnings = warnings
	if err := append(faults, cfg.faultsOutside(faults)...).err(); err != nil {
		return nil, err
	}
	return cfg, nil
}

// faultsOutside checks cfg but says nothing about keys that could not be read:
// their values are not those that were written.
func (c *Config) faultsOutside(read Faults) Faults {
	var out Faults
	for _, f := range c.check() {
		same := func(r Fault) bool {
			return r.Key == f.Key || strings.HasPrefix(r.Key, f.Key+"[")
		}
		if !slices.ContainsFunc(read, same) {
			out = append(out, f)
		}
	}
	return out
}

// layers are the settings as they were written, lowest first.
type layers struct {
	defaults, file, env, flags *koanf.Koanf
}

func readLayers(path string, environ []string, flags map[string]string, known []string) (*layers, []string, error) {
	l := &layers{koanf.New("."), koanf.New("."), koanf.New("."), koanf.New(".")}
	if err := l.defaults.Load(rawbytes.Provider(defaultsYAML), yaml.Parser()); err != nil {
		return nil, nil, fmt.Errorf("read default settings: %w", err)
	}
	if path != "" {
		if err := l.file.Load(file.Provider(path), yaml.Parser()); err != nil {
			return nil, nil, fmt.Errorf("read settings file %s: %w", path, plainPathError(err))
		}
	}
	byVariable := make(map[string]string, len(known))
	for _, key := range known {
		byVariable[EnvName(key)] = key
	}
	var warnings []string
	err := l.env.Load(env.Provider(".", env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			key, ok := byVariable[name]
			if !ok && name != EnvFile {
				warnings = append(warnings, unknownVariable(name, byVariable))
			}
			if !ok || value == "" {
				return "", nil
			}
			return key, value
		},
	}), nil)
	if err != nil {
		return nil, nil, fmt.Errorf("read environment: %w", err)
	}
	set := make(map[string]any, len(flags))
	for key, value := range flags {
		set[key] = value
	}
	if err := l.flags.Load(confmap.Provider(set, "."), nil); err != nil {
		return nil, nil, fmt.Errorf("read command line: %w", err)
	}
	slices.Sort(warnings)
	return l, warnings, nil
}

func unknownVariable(name string, byVariable map[string]string) string {
	names := make([]string, 0, len(byVariable))
	for n := range byVariable {
		names = append(names, n)
	}
	slices.Sort(names)
	if near := nearest(name, names); near != "" {
		return fmt.Sprintf("%s: no such setting; the nearest is %s", name, near)
	}
	return fmt.Sprintf("%s: no such setting", name)
}

// plainPathError drops the path that fs.PathError repeats.
func plainPathError(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// config decodes the layers into one Config, lowest first: what a higher layer
// does not write stays.
func (l *layers) config(known []string, demo bool) (*Config, Faults) {
	cfg := &Config{}
	var faults Faults
	decode := func(in map[string]any, commas bool) {
		d := decoder{commas: commas, known: known}
		d.value("", in, reflect.ValueOf(cfg).Elem())
		for _, f := range d.faults {
			if _, secret := secretKeys[f.Key]; secret {
				f.Value = "****"
			}
			faults = append(faults, f)
		}
	}
	decode(l.defaults.Raw(), false)
	if demo {
		k := koanf.New(".")
		if err := k.Load(confmap.Provider(demoDefaults(), "."), nil); err != nil {
			faults.add("demo.enabled", nil, "%s", err)
		}
		decode(k.Raw(), false)
	}
	decode(l.file.Raw(), false)
	decode(l.env.Raw(), true)
	decode(l.flags.Raw(), true)
	return cfg, faults
}

// secretKeys are never shown in a fault.
var secretKeys = map[string]struct{}{"database.url": {}}

// Keys returns every setting as "http.listen", in the order of pickup.yaml.
func Keys() []string {
	return appendKeys(nil, "", reflect.TypeFor[Config]())
}

func appendKeys(keys []string, path string, t reflect.Type) []string {
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("koanf")
		if name == "" {
			continue
		}
		if f.Type.Kind() == reflect.Struct && hasKeys(f.Type) {
			keys = appendKeys(keys, join(path, name), f.Type)
			continue
		}
		keys = append(keys, join(path, name))
	}
	return keys
}

// hasKeys tells a section from a value that happens to be a struct.
func hasKeys(t reflect.Type) bool {
	return t.NumField() > 0 && t.Field(0).Tag.Get("koanf") != ""
}

// EnvName returns the environment variable of a setting: "http.tls.cert" is
// PICKUP_HTTP_TLS_CERT.
func EnvName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// readYAML parses a YAML document into maps.
func readYAML(data []byte) (map[string]any, error) {
	return yaml.Parser().Unmarshal(data)
}

// readFile is readYAML of a file.
func readFile(path string) (map[string]any, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, plainPathError(err)
	}
	return readYAML(data)
}
