package main

import (
	"fmt"
	"sync"
	"time"

	"ringgate.test/backends/ledger"
	"ringgate.test/support/device"
)

// fleet holds devices that are open, and the frames that each will send, made before the clock runs.
type fleet struct {
	devices []*device.Connection
	frames  [][][]byte // of each device, in order
}

func openFleet(c contender, way, address string, each int, o options) (*fleet, error) {
	devices, err := device.OpenAll(address, c.target, o.devices)
	if err != nil {
		return nil, err
	}
	opened := &fleet{devices, make([][][]byte, len(devices))}
	for i, one := range devices {
		if c.greet != nil {
			if err := c.greet(one); err != nil {
				return nil, fmt.Errorf("device %d: %w", i, err)
			}
		}
		for n := 0; n < each; n++ {
			body := c.wrap(ledger.Payload(device.Name(i), n, o.size), n, way)
			opened.frames[i] = append(opened.frames[i], device.AppendFrame(nil, device.Text, body))
		}
	}
	return opened, nil
}

// send lets every device send its frames, one write a message, at `rate` messages a second over all devices (0: as fast as they can).
// It returns when all are written.
func (f *fleet) send(rate int) error {
	var group sync.WaitGroup
	faults := make(chan error, len(f.devices))
	begin := time.Now()
	for i, one := range f.devices {
		group.Add(1)
		go func(index int, one *device.Connection) {
			defer group.Done()
			for n, frame := range f.frames[index] {
				if rate > 0 {
					time.Sleep(time.Until(begin.Add(time.Duration(n*len(f.devices)+index) * time.Second / time.Duration(rate))))
				}
				if _, err := one.Write(frame); err != nil {
					faults <- fmt.Errorf("%s: %w", device.Name(index), err)
					return
				}
			}
		}(i, one)
	}
	group.Wait()
	select {
	case err := <-faults:
		return err
	default:
		return nil
	}
}
