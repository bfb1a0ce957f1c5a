package main

import (
	"fmt"
	"sort"
	"sync"
	"time"

	"ringgate.test/backends/ledger"
	"ringgate.test/support/device"
)

// echoes lets devices send at a fixed rate, each at its own times, and measures how long each echo takes.
type echoes struct {
	devices []*device.Connection
	mutex   sync.Mutex
	took    []time.Duration
	sent    int
	fault   error
}

// run sends for so long, and returns once all echoes are back, or are overdue.
func (e *echoes) run(rate int, length time.Duration) {
	var group sync.WaitGroup
	begin := time.Now()
	each := int(length.Seconds() * float64(rate) / float64(len(e.devices)))
	for i, one := range e.devices {
		group.Add(1)
		go func(index int, one *device.Connection) {
			defer group.Done()
			if err := e.talk(index, one, each, rate, begin); err != nil {
				e.mutex.Lock()
				e.fault = fmt.Errorf("device %d: %w", index, err)
				e.mutex.Unlock()
			}
		}(i, one)
	}
	group.Wait()
}

func (e *echoes) talk(index int, one *device.Connection, each, rate int, begin time.Time) error {
	for n := 0; n < each; n++ {
		time.Sleep(time.Until(begin.Add(time.Duration(n*len(e.devices)+index) * time.Second / time.Duration(rate))))
		body, at := ledger.Payload(device.Name(index), n, 64), time.Now()
		if err := one.Send(device.Text, body); err != nil {
			return err
		}
		_ = one.SetReadDeadline(at.Add(10 * time.Second))
		for opcode := byte(0); opcode != device.Text; {
			var echo []byte
			var err error
			if opcode, echo, err = one.Receive(); err != nil {
				return fmt.Errorf("no echo of message %d: %w", n, err)
			}
			if opcode == device.Text && string(echo) != string(body) {
				return fmt.Errorf("message %d was echoed as %.60q", n, echo)
			}
		}
		e.mutex.Lock()
		e.took, e.sent = append(e.took, time.Since(at)), e.sent+1
		e.mutex.Unlock()
	}
	return nil
}

// percentile of what echoes took, in microseconds.
func (e *echoes) percentile(part float64) float64 {
	sort.Slice(e.took, func(a, b int) bool { return e.took[a] < e.took[b] })
	if len(e.took) == 0 {
		return 0
	}
	return float64(e.took[int(part*float64(len(e.took)-1))].Nanoseconds()) / 1000
}
