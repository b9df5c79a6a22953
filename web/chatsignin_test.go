package web_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"
	"time"

	"pickup/ticket/chat"
	"pickup/web"
)

// Who signs in while he chats goes on in his conversation, as the player; the
// browser's next visitor, who has not, is not taken for him.
func TestAVisitorSignsInWhileHeChats(t *testing.T) {
	secret := []byte("the operator's secret, 32 bytes!")
	s := open(t, func(c *web.Config, _ *web.Parts) { c.IdentitySecret = secret })
	jwt := func(player string) string {
		enc := base64.RawURLEncoding.EncodeToString
		text := enc([]byte(`{"alg":"HS256"}`)) + "." + enc(fmt.Appendf(nil, `{"player_id":%q,"exp":%d}`, player, time.Now().Add(time.Minute).Unix()))
		m := hmac.New(sha256.New, secret)
		m.Write([]byte(text))
		return text + "." + enc(m.Sum(nil))
	}
	_, known := s.opened(1, func(b map[string]any) { b["identity"] = jwt("p-42") })
	visitor, o := s.opened(2)
	ask := func(n, want int, change map[string]any) (got web.ChatOpened) {
		t.Helper()
		b := map[string]any{"key": key(n), "queue": "support"}
		for k, v := range change {
			b[k] = v
		}
		r := visitor.do("POST", "/w/v1/chats", b)
		if r.status != want {
			t.Fatalf("got %d, want %d: %s", r.status, want, r.body)
		}
		if want < 300 {
			r.json(t, &got)
		}
		return got
	}
	if got := ask(3, http.StatusOK, map[string]any{"identity": jwt("p-42")}); got.ID != o.ID || !got.Verified || got.TicketNumber != o.TicketNumber {
		t.Errorf("got %+v, want the conversation %s, verified", got, o.ID)
	}
	contact := func(id string) string {
		c, err := s.chats.Conversation(t.Context(), id)
		must(t, err)
		return c.Interaction.ContactID
	}
	if contact(o.ID) != contact(known.ID) {
		t.Error("his conversation is not his contact's")
	}
	ask(4, http.StatusUnprocessableEntity, map[string]any{"identity": jwt("p-7")}) // another's, and nothing to open a new one with
	must(t, s.chats.End(t.Context(), o.ID, chat.Visitor))
	next := ask(5, http.StatusCreated, map[string]any{"text": "Bonjour"})
	if next.Verified || contact(next.ID) == contact(o.ID) {
		t.Errorf("who has not signed in is taken for the player: %+v", next)
	}
}
