package configs

import (
	"encoding"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// decoder fills structs from the maps that the YAML parser makes, and collects
// every fault with the path of the value. It is stricter than a general
// decoder: an unknown key is a fault that names the nearest known one.
type decoder struct {
	faults Faults
	// commas makes one string of a list: the environment and flags write lists so.
	commas bool
	// known lists every full key for the search of the nearest; nil: the
	// names of the struct at hand.
	known []string
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	locationType = reflect.TypeFor[*time.Location]()
	addrType     = reflect.TypeFor[netip.Addr]()
	prefixType   = reflect.TypeFor[netip.Prefix]()
)

// value decodes in into out, which is settable.
func (d *decoder) value(path string, in any, out reflect.Value) {
	switch {
	case in == nil:
		return // an empty line of YAML: the default stays
	case out.Type() == durationType, out.Type() == locationType,
		out.Type() == addrType, out.Type() == prefixType, isText(out):
		d.text(path, in, out)
		return
	}
	switch out.Kind() {
	case reflect.Struct:
		d.object(path, in, out)
	case reflect.Slice:
		d.list(path, in, out)
	case reflect.Map:
		d.table(path, in, out)
	case reflect.Pointer:
		p := reflect.New(out.Type().Elem())
		d.value(path, in, p.Elem())
		out.Set(p)
	default:
		d.scalar(path, in, out)
	}
}

func isText(v reflect.Value) bool {
	if !v.CanAddr() {
		return false
	}
	_, ok := v.Addr().Interface().(encoding.TextUnmarshaler)
	return ok
}

func (d *decoder) object(path string, in any, out reflect.Value) {
	m, ok := in.(map[string]any)
	if !ok {
		d.faults.add(path, in, "is a section: its settings stand under it")
		return
	}
	names := make([]string, 0, out.NumField())
	for i := range out.NumField() {
		name := out.Type().Field(i).Tag.Get("koanf")
		if name == "" {
			continue
		}
		names = append(names, name)
		if v, ok := m[name]; ok {
			d.value(join(path, name), v, out.Field(i))
		}
	}
	for _, name := range sortedKeys(m) {
		if !slices.Contains(names, name) {
			d.unknown(path, name, names)
		}
	}
}

func (d *decoder) unknown(path, name string, names []string) {
	full := join(path, name)
	guess := ""
	if d.known != nil {
		guess = nearest(full, d.known)
	} else if near := nearest(name, names); near != "" {
		guess = join(path, near)
	}
	if guess == "" {
		d.faults.add(full, nil, "no such setting")
		return
	}
	d.faults.add(full, nil, "no such setting; the nearest is %s", guess)
}

func (d *decoder) list(path string, in any, out reflect.Value) {
	items, ok := in.([]any)
	if s, isString := in.(string); isString && d.commas {
		ok = true
		for part := range strings.SplitSeq(s, ",") {
			if part = strings.TrimSpace(part); part != "" {
				items = append(items, part)
			}
		}
	}
	if !ok {
		d.faults.add(path, in, "must be a list")
		return
	}
	list := reflect.MakeSlice(out.Type(), len(items), len(items))
	for i, item := range items {
		d.value(fmt.Sprintf("%s[%d]", path, i), item, list.Index(i))
	}
	out.Set(list)
}

func (d *decoder) table(path string, in any, out reflect.Value) {
	m, ok := in.(map[string]any)
	if !ok {
		d.faults.add(path, in, "must be a table of names and values")
		return
	}
	table := reflect.MakeMapWithSize(out.Type(), len(m))
	for _, name := range sortedKeys(m) {
		v := reflect.New(out.Type().Elem()).Elem()
		d.value(join(path, name), m[name], v)
		table.SetMapIndex(reflect.ValueOf(name), v)
	}
	out.Set(table)
}

// text decodes what is written as one word with a meaning.
func (d *decoder) text(path string, in any, out reflect.Value) {
	s, ok := word(in)
	if !ok {
		d.faults.add(path, in, "must be one value")
		return
	}
	var err error
	switch out.Type() {
	case durationType:
		var v time.Duration
		if v, err = time.ParseDuration(s); err != nil {
			err = fmt.Errorf("must be a duration with its unit, as 12s, 30m or 250ms")
		}
		out.SetInt(int64(v))
	case locationType:
		var v *time.Location
		if v, err = time.LoadLocation(s); err != nil || s == "" || s == "Local" {
			err = fmt.Errorf("must be an IANA time zone, as Europe/Paris")
			break
		}
		out.Set(reflect.ValueOf(v))
	case addrType:
		if s == "" {
			out.SetZero()
			return
		}
		var v netip.Addr
		if v, err = netip.ParseAddr(s); err != nil {
			err = fmt.Errorf("must be an IP address, as 203.0.113.7")
		}
		out.Set(reflect.ValueOf(v))
	case prefixType:
		var v netip.Prefix
		if v, err = netip.ParsePrefix(s); err != nil {
			err = fmt.Errorf("must be a network, as 192.0.2.0/24")
		}
		out.Set(reflect.ValueOf(v.Masked()))
	default:
		err = out.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s))
	}
	if err != nil {
		d.faults.add(path, s, "%s", err)
	}
}

func (d *decoder) scalar(path string, in any, out reflect.Value) {
	s, ok := word(in)
	switch out.Kind() {
	case reflect.String:
		if !ok {
			d.faults.add(path, in, "must be text")
			return
		}
		out.SetString(s)
	case reflect.Bool:
		switch strings.ToLower(s) {
		case "true", "yes", "on", "1":
			out.SetBool(true)
		case "false", "no", "off", "0":
			out.SetBool(false)
		default:
			d.faults.add(path, in, "must be true or false")
		}
	case reflect.Int:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < math.MinInt32 || n > math.MaxInt32 {
			d.faults.add(path, in, "must be a whole number")
			return
		}
		out.SetInt(n)
	case reflect.Float64:
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			d.faults.add(path, in, "must be a number")
			return
		}
		out.SetFloat(n)
	default:
		d.faults.add(path, in, "has a type that settings do not know: %s", out.Type())
	}
}

// word returns a YAML scalar as it would be written.
func word(in any) (string, bool) {
	switch v := in.(type) {
	case string:
		return strings.TrimSpace(v), true
	case bool:
		return strconv.FormatBool(v), true
	case int:
		return strconv.Itoa(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case uint64:
		return strconv.FormatUint(v, 10), true
	case time.Time: // YAML reads a bare date so
		return v.Format(time.DateOnly), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
