// Measures the ways from a backend to devices: pushes by HTTP one at a time and pipelined, by messages:batch and by the backend
// WebSocket; and messages to all devices, as a broadcast and to a group. Every device checks that its messages come in order, once, and
// every answer is looked at.
//
// The gate, the devices and the backend share the machine's cores: the gate's core time says more than the rate. Run by
// `tools/bench pushes-ways`.
package main

import (
	"flag"
	"fmt"
	"os"
	"sync"
	"time"

	"ringgate.test/backends/rounds"
	"ringgate.test/support/device"
	"ringgate.test/support/gate"
)

type options struct {
	gate                                                         string
	devices, crowd, messages, messagesToAll, size, rounds, lines int
}

type way struct {
	name   string
	atOnce int
	push   func(share) error
	toAll  func(share, *fleet) error
}

const linesOfBody = 1000

var ways = []way{
	{"HTTP, one at a time", 1, pushOverHTTP, nil},
	{"HTTP, 16 pipelined", 16, pushOverHTTP, nil},
	{"messages:batch of 1,000", 0, pushBatches, nil},
	{"/v1/stream, 512 under way", 512, pushOverStream, nil},
	{"broadcast", 0, nil, pushToAll("/v1/broadcast")},
	{"group", 0, nil, pushToAll("/v1/groups/all/messages")},
}

type result struct {
	deliveries int
	seconds    float64
	coreTime   time.Duration // of the gate
}

func (r result) core() float64 {
	return float64(r.coreTime.Nanoseconds()) / 1000 / float64(r.deliveries)
}

func run(w way, o options) (out result, err error) {
	server, err := gate.Start(o.gate, 1, gate.Plain("route.0.handler=drop", "route.0.groups=all")...)
	if err != nil {
		return out, err
	}
	defer func() {
		if ended := server.Stop(); err == nil && ended != nil {
			err = fmt.Errorf("the gate ended with %w", ended)
		}
	}()
	count := o.devices
	if w.toAll != nil {
		count = o.crowd
	}
	f, err := openFleet(server.Devices[0], count)
	if err != nil {
		return out, err
	}
	defer device.CloseAll(f.devices)
	time.Sleep(500 * time.Millisecond) // the accept storm is not measured
	core, begin := server.CoreTime(), time.Now()
	if w.toAll != nil {
		out.deliveries = o.messagesToAll * count
		err = w.toAll(share{admin: server.Admin, each: o.messagesToAll, size: o.size}, f)
	} else {
		each := o.messages / count
		out.deliveries = each * count
		err = pushAll(w, server.Admin, each, o)
	}
	if err == nil {
		err = f.wait(out.deliveries)
	}
	out.seconds, out.coreTime = time.Since(begin).Seconds(), server.CoreTime()-core
	return out, err
}

// pushAll shares the devices among the backend's connections.
func pushAll(w way, admin string, each int, o options) error {
	faults := make(chan error, o.lines)
	var group sync.WaitGroup
	for l := 0; l < o.lines; l++ {
		s := share{admin: admin, each: each, size: o.size, atOnce: w.atOnce, linesOfBody: linesOfBody}
		for i := l; i < o.devices; i += o.lines {
			s.devices = append(s.devices, i)
		}
		group.Add(1)
		go func() {
			defer group.Done()
			if err := w.push(s); err != nil {
				faults <- err
			}
		}()
	}
	group.Wait()
	select {
	case err := <-faults:
		return err
	default:
		return nil
	}
}

func main() {
	var o options
	chosen := ""
	flag.StringVar(&o.gate, "gate", "build/release/ringgate", "ringgate's binary")
	flag.IntVar(&o.devices, "devices", 1000, "devices that are pushed to one by one")
	flag.IntVar(&o.crowd, "crowd", 10_000, "devices of a broadcast and of a group")
	flag.IntVar(&o.messages, "messages", 200_000, "pushes to single devices")
	flag.IntVar(&o.messagesToAll, "to-all", 50, "broadcasts, and messages to the group")
	flag.IntVar(&o.size, "size", 64, "bytes of a message")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds, in each of which every way has its turn")
	flag.IntVar(&o.lines, "lines", 4, "connections of the backend")
	flag.StringVar(&chosen, "ways", "", "parts of the ways' names, by commas; empty: all")
	flag.Parse()
	fmt.Printf("%d pushes of %d bytes to %d devices over %d connections; %d messages to %d devices; medians of %d rounds\n",
		o.messages/o.devices*o.devices, o.size, o.devices, o.lines, o.messagesToAll, o.crowd, o.rounds)
	results := map[string][]result{}
	failed := false
	for round := 0; round < o.rounds; round++ {
		for _, w := range ways {
			if !rounds.Chosen(chosen, w.name) {
				continue
			}
			one, err := run(w, o)
			if err != nil {
				fmt.Printf("FAULT %s: %v\n", w.name, err)
				failed = true
				continue
			}
			results[w.name] = append(results[w.name], one)
		}
	}
	fmt.Printf("%-28s %14s %16s %18s\n", "way", "messages/s", "gate core µs", "least and most")
	for _, w := range ways {
		var rates, cores []float64
		for _, r := range results[w.name] {
			rates, cores = append(rates, float64(r.deliveries)/r.seconds), append(cores, r.core())
		}
		if len(rates) == 0 {
			continue
		}
		fmt.Printf("%-28s %14.0f %16.2f %18s\n", w.name, rounds.Median(rates), rounds.Median(cores), rounds.Range(cores))
	}
	if failed {
		os.Exit(1)
	}
}
