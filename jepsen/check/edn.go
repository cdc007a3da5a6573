// A strict reader of the EDN that a history uses: nil, booleans, 64-bit integers, floats, strings,
// keywords, vectors, lists, sets and maps. Everything else (tags, symbols, ratios, characters) is
// refused, because a history never holds it and a reader that guesses hides a broken writer.
// Sizes and depth are bounded; nothing here trusts its input.
package main

import (
	"fmt"
	"strconv"
	"strings"
)

// Kind is the type of one EDN value.
type Kind uint8

// The kinds of EDN values.
const (
	Nil Kind = iota
	Bool
	Int
	Float
	Text
	Keyword
	Vector
	Set
	Map
)

// A history line nests a handful of levels; more is a broken or hostile file.
const ednDepthMax = 32

// Value is one EDN value. Lists read as vectors: nothing in a history tells them apart.
type Value struct {
	Kind  Kind
	Int   int64 // Int; Bool: 0 or 1
	Float float64
	Text  string  // Text, Keyword (without the colon)
	Items []Value // Vector, Set; Map: key, value, key, value ...
}

// Get returns the value of a keyword in a map; Nil if it is not there.
func (v Value) Get(keyword string) Value {
	if v.Kind == Map {
		for i := 0; i+1 < len(v.Items); i += 2 {
			if v.Items[i].Kind == Keyword && v.Items[i].Text == keyword {
				return v.Items[i+1]
			}
		}
	}
	return Value{}
}

// At returns item i of a vector; Nil if there is none.
func (v Value) At(i int) Value {
	if v.Kind == Vector && i < len(v.Items) {
		return v.Items[i]
	}
	return Value{}
}

// Is tells whether v is that keyword.
func (v Value) Is(keyword string) bool {
	return v.Kind == Keyword && v.Text == keyword
}

// Equal compares two values; the order of a map's or set's items counts, as our writer keeps it.
func (v Value) Equal(other Value) bool {
	if v.Kind != other.Kind || v.Int != other.Int || v.Float != other.Float ||
		v.Text != other.Text || len(v.Items) != len(other.Items) {
		return false
	}
	for i := range v.Items {
		if !v.Items[i].Equal(other.Items[i]) {
			return false
		}
	}
	return true
}

// String prints v as EDN.
func (v Value) String() string {
	var out strings.Builder
	v.write(&out)
	return out.String()
}

func (v Value) write(out *strings.Builder) {
	switch v.Kind {
	case Nil:
		out.WriteString("nil")
	case Bool:
		out.WriteString(strconv.FormatBool(v.Int != 0))
	case Int:
		out.WriteString(strconv.FormatInt(v.Int, 10))
	case Float:
		out.WriteString(strconv.FormatFloat(v.Float, 'g', -1, 64))
	case Text:
		out.WriteString(strconv.Quote(v.Text))
	case Keyword:
		out.WriteString(":" + v.Text)
	case Vector:
		v.writeItems(out, "[", "]")
	case Set:
		v.writeItems(out, "#{", "}")
	case Map:
		v.writeItems(out, "{", "}")
	}
}

func (v Value) writeItems(out *strings.Builder, open, end string) {
	out.WriteString(open)
	for i, item := range v.Items {
		if i > 0 {
			out.WriteByte(' ')
		}
		item.write(out)
	}
	out.WriteString(end)
}

// ParseEDN reads exactly one value; anything behind it but blanks is an error.
func ParseEDN(text string) (Value, error) {
	r := ednReader{text: text}
	value, err := r.value(0)
	if err != nil {
		return Value{}, fmt.Errorf("column %d: %w", r.at+1, err)
	}
	if r.blanks(); r.at < len(r.text) {
		return Value{}, fmt.Errorf("column %d: more than one value", r.at+1)
	}
	return value, nil
}

type ednReader struct {
	text string
	at   int
}

// blanks skips white space, commas (white space in EDN) and a comment to the end of the line.
func (r *ednReader) blanks() {
	for r.at < len(r.text) {
		switch c := r.text[r.at]; {
		case c == ' ' || c == ',' || c == '\t' || c == '\n' || c == '\r':
			r.at++
		case c == ';':
			for r.at < len(r.text) && r.text[r.at] != '\n' {
				r.at++
			}
		default:
			return
		}
	}
}

func (r *ednReader) value(depth int) (Value, error) {
	if depth > ednDepthMax {
		return Value{}, fmt.Errorf("nested deeper than %d", ednDepthMax)
	}
	r.blanks()
	if r.at == len(r.text) {
		return Value{}, fmt.Errorf("the value is cut short")
	}
	switch r.text[r.at] {
	case '{':
		r.at++
		return r.items(Map, '}', depth)
	case '[':
		r.at++
		return r.items(Vector, ']', depth)
	case '(':
		r.at++
		return r.items(Vector, ')', depth)
	case '"':
		return r.quoted()
	case '#':
		if strings.HasPrefix(r.text[r.at:], "#{") {
			r.at += 2
			return r.items(Set, '}', depth)
		}
		return Value{}, fmt.Errorf("a tag, which no history holds")
	}
	return r.atom()
}

func (r *ednReader) items(kind Kind, end byte, depth int) (Value, error) {
	value := Value{Kind: kind}
	for {
		r.blanks()
		if r.at == len(r.text) {
			return Value{}, fmt.Errorf("no closing %q", end)
		}
		if r.text[r.at] == end {
			r.at++
			if kind == Map && len(value.Items)%2 != 0 {
				return Value{}, fmt.Errorf("a map with a key without a value")
			}
			return value, nil
		}
		item, err := r.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		value.Items = append(value.Items, item)
	}
}

var ednEscapes = map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', '"': '"', '\\': '\\'}

func (r *ednReader) quoted() (Value, error) {
	var out []byte
	for r.at++; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; c {
		case '"':
			r.at++
			return Value{Kind: Text, Text: string(out)}, nil
		case '\\':
			r.at++
			if r.at == len(r.text) {
				return Value{}, fmt.Errorf("no closing '\"'")
			}
			plain, known := ednEscapes[r.text[r.at]]
			if !known {
				return Value{}, fmt.Errorf("unknown escape \\%c", r.text[r.at])
			}
			out = append(out, plain)
		default:
			out = append(out, c)
		}
	}
	return Value{}, fmt.Errorf("no closing '\"'")
}

// Where an atom ends.
func ednDelimiter(c byte) bool {
	return strings.IndexByte(" ,\t\n\r;{}[]()\"", c) >= 0
}

func (r *ednReader) atom() (Value, error) {
	start := r.at
	for r.at < len(r.text) && !ednDelimiter(r.text[r.at]) {
		r.at++
	}
	word := r.text[start:r.at]
	switch {
	case word == "nil":
		return Value{}, nil
	case word == "true":
		return Value{Kind: Bool, Int: 1}, nil
	case word == "false":
		return Value{Kind: Bool}, nil
	case len(word) > 1 && word[0] == ':' && word[1] != ':':
		return Value{Kind: Keyword, Text: word[1:]}, nil
	}
	if number, err := strconv.ParseInt(word, 10, 64); err == nil {
		return Value{Kind: Int, Int: number}, nil
	}
	if number, err := strconv.ParseFloat(word, 64); err == nil && strings.ContainsAny(word, ".eE") {
		return Value{Kind: Float, Float: number}, nil
	}
	r.at = start
	return Value{}, fmt.Errorf("%q is nothing that a history holds", word)
}
