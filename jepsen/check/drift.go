// How wrong the clocks of nodes may have gone: what the nemesis wrote into the history.
package main

import (
	"bufio"
	"io"
	"strings"
)

// ReadDrift finds the largest :ppm of any fault.
func ReadDrift(in io.Reader) (int64, error) {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(make([]byte, 1<<16), lineSizeMax)
	largest := int64(0)
	for scanner.Scan() {
		if !strings.Contains(scanner.Text(), ":nemesis") {
			continue
		}
		entry, err := ParseEDN(scanner.Text())
		if err != nil {
			return 0, err
		}
		ppm := entry.Get("value").Get("ppm").Int
		if ppm < 0 {
			ppm = -ppm
		}
		if entry.Get("process").Is("nemesis") && ppm > largest {
			largest = ppm
		}
	}
	return largest, scanner.Err()
}
