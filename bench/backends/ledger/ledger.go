// Package ledger numbers the messages of devices, and checks what arrives of them.
package ledger

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Payload of the n-th message from or to a device, a JSON object padded to `size` bytes if it is shorter.
func Payload(device string, n, size int) []byte {
	text := fmt.Sprintf(`{"from":"%s","n":%d,"pad":"`, device, n)
	if pad := size - len(text) - 2; pad > 0 {
		text += strings.Repeat("x", pad)
	}
	return []byte(text + `"}`)
}

// Read is the inverse of Payload.
func Read(body []byte) (device string, n int, err error) {
	const before, between = `{"from":"`, `","n":`
	rest, ok := bytes.CutPrefix(body, []byte(before))
	name, rest, named := bytes.Cut(rest, []byte(between))
	digits, _, numbered := bytes.Cut(rest, []byte(","))
	if !ok || !named || !numbered {
		return "", 0, fmt.Errorf("no payload of a device: %.80q", body)
	}
	n, err = strconv.Atoi(string(digits))
	return string(name), n, err
}

// Ledger wants of each device the numbers 0, 1, 2, … in this order, none twice. For any goroutine.
type Ledger struct {
	mutex    sync.Mutex
	next     map[string]int
	sum      Sum
	wanted   int
	complete chan struct{}
}

// Sum of what has arrived.
type Sum struct {
	Arrived int
	Passed  int // numbers that were passed over: lost, if they never come
	Late    int // came twice, or behind a later one
	Foreign int // are no payload of a device
}

// New expects so many messages.
func New(wanted int) *Ledger {
	return &Ledger{next: map[string]int{}, wanted: wanted, complete: make(chan struct{})}
}

// Note takes one payload.
func (l *Ledger) Note(body []byte) {
	device, n, err := Read(body)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if err != nil {
		l.sum.Foreign++
		return
	}
	next := l.next[device]
	if n < next {
		l.sum.Late++
		return
	}
	l.sum.Passed += n - next
	l.next[device] = n + 1
	l.sum.Arrived++
	if l.sum.Arrived == l.wanted {
		close(l.complete)
	}
}

// Complete is closed once all wanted have arrived.
func (l *Ledger) Complete() <-chan struct{} { return l.complete }

// Sum so far.
func (l *Ledger) Sum() Sum {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.sum
}
