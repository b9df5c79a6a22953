package main

import (
	"testing"

	"pickup/callflow"
	"pickup/configs"
)

// Every sentence that a call may play is in the catalogue, in both languages.
func TestEveryPromptOfACallIsShipped(t *testing.T) {
	for _, language := range configs.Languages() {
		for _, id := range callflow.Prompts() {
			if _, ok := configs.Prompt(language, id); !ok {
				t.Errorf("prompt %s is missing in %s", id, language)
			}
		}
	}
}
