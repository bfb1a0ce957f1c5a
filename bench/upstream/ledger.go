package main

import (
	"bytes"
	"fmt"
	"strconv"
	"sync"
)

// ledger checks what arrives: of each device the numbers 0, 1, 2, … in this order, none twice.
type ledger struct {
	mutex    sync.Mutex
	next     map[string]int
	arrived  int
	lost     int // numbers that were passed over
	doubled  int // numbers that had come before, or came behind a later one
	wanted   int
	complete chan struct{}
}

func newLedger(wanted int) *ledger {
	return &ledger{next: map[string]int{}, wanted: wanted, complete: make(chan struct{})}
}

// note takes one payload as devices send it.
func (l *ledger) note(body []byte) {
	device, n, err := read(body)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if err != nil {
		panic(err) // a payload that no device has sent
	}
	next := l.next[device]
	switch {
	case n == next:
	case n > next:
		l.lost += n - next
	default:
		l.doubled++
		return
	}
	l.next[device] = n + 1
	l.arrived++
	if l.arrived == l.wanted {
		close(l.complete)
	}
}

func (l *ledger) sum() (arrived, lost, doubled int) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.arrived, l.lost, l.doubled
}

func read(body []byte) (device string, n int, err error) {
	const before, between = `{"from":"`, `","n":`
	rest, ok := bytes.CutPrefix(body, []byte(before))
	if !ok {
		return "", 0, fmt.Errorf("no payload of a device: %.80q", body)
	}
	name, rest, ok := bytes.Cut(rest, []byte(between))
	digits, _, found := bytes.Cut(rest, []byte(","))
	if !ok || !found {
		return "", 0, fmt.Errorf("no payload of a device: %.80q", body)
	}
	n, err = strconv.Atoi(string(digits))
	return string(name), n, err
}
