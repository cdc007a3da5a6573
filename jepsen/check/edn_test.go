package main

import (
	"strings"
	"testing"
)

func TestReadsWhatHistoriesHold(t *testing.T) {
	for _, text := range []string{
		"nil", "true", "-12", "9223372036854775807", "1.5", `"a \"b\" \\ \n"`, ":a/b-c", "[]",
		"[1 [2 nil] :x]", "{:a 1 :b {:c [1 2]}}", "#{1 2}",
	} {
		value, err := ParseEDN(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		again, err := ParseEDN(value.String())
		if err != nil || !again.Equal(value) {
			t.Errorf("%s reads back as %s (%v)", text, again, err)
		}
	}
}

func TestCommasCommentsAndListsAreAsInClojure(t *testing.T) {
	value, err := ParseEDN("(1,, 2 ; two\n 3)")
	if err != nil || value.String() != "[1 2 3]" {
		t.Errorf("%s %v", value, err)
	}
}

func TestRefusesWhatHistoriesNeverHold(t *testing.T) {
	for text, why := range map[string]string{
		"":                          "cut short",
		"{:a":                       "no closing",
		"{:a}":                      "key without a value",
		"[1 2":                      "no closing",
		`"abc`:                      "no closing",
		`"\q"`:                      "unknown escape",
		"#inst \"x\"":               "a tag",
		"foo":                       "nothing that a history holds",
		"1/2":                       "nothing that a history holds",
		"9223372036854775808":       "nothing that a history holds",
		"::a":                       "nothing that a history holds",
		"1 2":                       "more than one value",
		strings.Repeat("[", 100000): "nested deeper",
	} {
		if _, err := ParseEDN(text); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%.20s: %v, not %q", text, err, why)
		}
	}
}
