"""The rules this house lives by, as tests; each rule is shown a bad sample that it must catch."""
