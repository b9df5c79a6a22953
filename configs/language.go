package configs

// Languages returns the languages that callers are served in. Every prompt and
// every title exists in each of them.
func Languages() []string { return []string{"fr", "en"} }
