package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"ringgate.test/backends/ledger"
	"ringgate.test/support/device"
)

// fleet holds devices that read, and check that the messages 0, 1, 2, … come to each in this order. Not for two runs at a time.
type fleet struct {
	devices []*device.Connection
	next    []int // of each device; its goroutine's
	arrived atomic.Int64
	mutex   sync.Mutex
	fault   error
}

func openFleet(address string, count int) (*fleet, error) {
	devices, err := device.OpenAll(address, "/ws?deviceId=", count)
	if err != nil {
		return nil, err
	}
	f := &fleet{devices: devices, next: make([]int, count)}
	for i := range devices {
		go f.read(i)
	}
	return f, nil
}

func (f *fleet) fail(err error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.fault == nil {
		f.fault = err
	}
}

func (f *fleet) read(index int) {
	one, name := f.devices[index], device.Name(index)
	for {
		opcode, body, err := one.Receive()
		if err != nil {
			return // the run is over, or what is missing will be noticed
		}
		if opcode == device.Ping {
			_ = one.Send(device.Pong, body)
		}
		if opcode != device.Text {
			continue
		}
		to, n, err := ledger.Read(body)
		if err != nil || to != name && to != everybody || n != f.next[index] {
			f.fail(fmt.Errorf("%s waited for message %d and got %.60q", name, f.next[index], body))
		}
		f.next[index] = n + 1
		f.arrived.Add(1)
	}
}

// wait returns once so many messages have arrived, or says how many have.
func (f *fleet) wait(wanted int) error {
	for limit := time.Now().Add(20 * time.Second); f.arrived.Load() < int64(wanted); time.Sleep(200 * time.Microsecond) {
		if time.Now().After(limit) {
			return fmt.Errorf("%d of %d messages have arrived after 20 s", f.arrived.Load(), wanted)
		}
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.fault == nil && f.arrived.Load() != int64(wanted) {
		return fmt.Errorf("%d messages have arrived, %d were sent", f.arrived.Load(), wanted)
	}
	return f.fault
}
