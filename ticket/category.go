package ticket

import "slices"

// Categories of a matter.
const (
	CategoryDeposit      = "deposit"
	CategoryWithdrawal   = "withdrawal"
	CategoryTechnical    = "technical"
	CategorySecurity     = "account_security"
	CategoryIdentity     = "identity_verification"
	CategoryDispute      = "dispute"
	CategoryResponsible  = "responsible_gaming"
	CategoryOther        = "other"
	skillSecurity        = "security"
	skillResponsible     = "responsible_gaming"
	specialistSkillLevel = 1
)

// Category is a kind of matter and what follows from it.
type Category struct {
	Name        string
	MinPriority int    // a ticket of it has at least this priority
	Skill       string // an agent needs it to be offered such a ticket in writing; "": none
	Level       int    // 1..5, least level of Skill
}

// Categories returns what the product knows, in the order of lists.
func Categories() []Category {
	return []Category{
		{Name: CategoryDeposit, MinPriority: PriorityHigh},
		{Name: CategoryWithdrawal, MinPriority: PriorityHigh},
		{Name: CategoryTechnical, MinPriority: PriorityNormal},
		{Name: CategorySecurity, MinPriority: PriorityUrgent, Skill: skillSecurity, Level: specialistSkillLevel},
		{Name: CategoryIdentity, MinPriority: PriorityNormal},
		{Name: CategoryDispute, MinPriority: PriorityHigh},
		{Name: CategoryResponsible, MinPriority: PriorityHigh, Skill: skillResponsible, Level: specialistSkillLevel},
		{Name: CategoryOther, MinPriority: PriorityNormal},
	}
}

// CategoryOf returns the category of that name. A name that is none is "other"
// and ok is false.
func CategoryOf(name string) (c Category, ok bool) {
	all := Categories()
	if i := slices.IndexFunc(all, func(c Category) bool { return c.Name == name }); i >= 0 {
		return all[i], true
	}
	return all[len(all)-1], false
}
