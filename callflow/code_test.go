package callflow

import "testing"

func TestCodesInTheKeysOfAnAgent(t *testing.T) {
	for keys, want := range map[string]string{
		"123":      "123",
		"*48":      "[*48]",
		"*49":      "[*49]",
		"1*48":     "1[*48]",
		"**48":     "*[*48]",
		"*4848":    "[*48]48",
		"*47":      "*47",
		"*711002#": "[*71 1002]",
		"*7110*02": "02",
		"*72#":     "[*72]",
		"*73*74":   "[*73][*74]",
		"*79":      "*79",
		"*70*70":   "[*70][*70]",
		"*71" + "12345678901234567890" + "1" + "2#": "2#",
	} {
		t.Run(keys, func(t *testing.T) {
			var c codeMatcher
			got := ""
			for _, k := range keys {
				pass, code, arg := c.key(k)
				got += string(pass)
				if code != "" {
					got += "[" + code
					if arg != "" {
						got += " " + arg
					}
					got += "]"
				}
			}
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func FuzzCodes(f *testing.F) {
	f.Add("*48*711002#")
	f.Fuzz(func(t *testing.T, keys string) {
		var c codeMatcher
		for _, k := range keys {
			if _, code, arg := c.key(k); code != "" && (codes[code].op == nil || len(arg) > 4*codeArgument || arg != "" && !codes[code].arg) {
				t.Errorf("%q: code %q, number %q", keys, code, arg)
			}
		}
		if len(c.held) > codeLength+codeArgument {
			t.Errorf("%d keys are held", len(c.held))
		}
	})
}
