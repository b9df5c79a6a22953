package media

// Role stub: replaced by the mixer.
type Role int

const (
	RoleTalk Role = iota
	RoleMuted
	RoleListen
	RoleWhisper
	RoleHeld
)

type Conference struct{}

type Member struct{ side Side }

func NewConference(tap Tap, filter func(m *Member, digit rune) bool) *Conference {
	return &Conference{}
}
func (c *Conference) Join(leg *Leg, side Side, role Role) *Member { return &Member{side} }
func (c *Conference) Close()                                      {}
func (m *Member) Set(role Role)                                   {}
func (m *Member) Leave()                                          {}
func (m *Member) Side() Side                                      { return m.side }
