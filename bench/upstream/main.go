// Measures the ways from devices to a backend: the same messages of the same devices go into ringgate's event stream, its backend
// WebSocket or a webhook, and into a small gateway on gorilla/websocket (rival) that does the same. Each device numbers its messages,
// and whatever arrives is checked: order of each device, nothing twice, nothing lost but what the gate has counted as dropped.
//
// Both servers, the devices and the backend share the machine's cores: compare figures of one run only. Run by `tools/bench upstream`.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

type options struct {
	devices, messages, size, rate int
	gate, rival                   string
}

// result of one server on one way.
type result struct {
	server, way            string
	arrived, lost, doubled int
	seconds                float64
	coreTime               time.Duration // of the server
	memory                 int64         // of the server, behind the run
	counters               []string
}

func run(name, path string, w way, o options) (result, error) {
	each := o.messages / o.devices
	to := newLedger(each * o.devices)
	arguments, err := w.arguments(name, to)
	if err != nil {
		return result{}, err
	}
	s, err := start(path, arguments...)
	if err != nil {
		return result{}, err
	}
	defer s.stop()
	if err := w.begin(s, to); err != nil {
		return result{}, err
	}
	all, err := openFleet(s.device, o.devices, o.size)
	if err != nil {
		return result{}, err
	}
	defer all.close()
	time.Sleep(500 * time.Millisecond) // the accept storm is not measured
	core, begin := s.cpu(), time.Now()
	if err := all.send(each, o.rate); err != nil {
		return result{}, err
	}
	waitFor(to, begin)
	out := result{server: name, way: w.name, seconds: time.Since(begin).Seconds(), coreTime: s.cpu() - core, memory: s.resident()}
	out.arrived, out.lost, out.doubled = to.sum()
	if name == "ringgate" {
		out.counters = s.metrics("ringgate_events_", "ringgate_webhook_", "ringgate_upstream_")
	}
	return out, nil
}

// waitFor returns when everything has arrived, or when nothing has for three seconds.
func waitFor(to *ledger, begin time.Time) {
	last, since := -1, time.Now()
	for {
		select {
		case <-to.complete:
			return
		case <-time.After(250 * time.Millisecond):
		}
		arrived, lost, _ := to.sum()
		fmt.Fprintf(os.Stderr, "\r%8d arrived, %d passed over, %3.0f s ", arrived, lost, time.Since(begin).Seconds())
		if arrived != last {
			last, since = arrived, time.Now()
		} else if time.Since(since) > 3*time.Second {
			return
		}
	}
}

func main() {
	var o options
	chosen := ""
	flag.StringVar(&o.gate, "gate", "build/release/ringgate", "ringgate's binary")
	flag.StringVar(&o.rival, "rival", "", "the rival's binary; empty: ringgate alone")
	flag.IntVar(&o.devices, "devices", 5000, "devices")
	flag.IntVar(&o.messages, "messages", 1_000_000, "messages of all devices")
	flag.IntVar(&o.size, "size", 64, "bytes of a message")
	flag.IntVar(&o.rate, "rate", 0, "messages a second over all devices; 0: as fast as they can")
	flag.StringVar(&chosen, "ways", "sse,ndjson,stream,webhook", "what is measured")
	flag.Parse()
	failed := false
	var results []result
	for _, w := range ways {
		if !strings.Contains(","+chosen+",", ","+w.name+",") {
			continue
		}
		for _, each := range [][2]string{{"ringgate", o.gate}, {"gorilla", o.rival}} {
			if each[1] == "" || (each[0] == "gorilla" && w.name == "ndjson") {
				continue
			}
			one, err := run(each[0], each[1], w, o)
			fmt.Fprintf(os.Stderr, "\r%-70s\r", "")
			if err != nil {
				fmt.Printf("%s %s: %v\n", each[0], w.name, err)
				failed = true
				continue
			}
			results = append(results, one)
			// What arrives late or twice is a fault; what is missing must have been counted, which the counters show.
			failed = failed || one.doubled > 0
		}
	}
	fmt.Printf("%d devices, %d messages of %d bytes, %s\n", o.devices, o.messages/o.devices*o.devices, o.size,
		map[bool]string{true: "as fast as devices can", false: fmt.Sprint(o.rate, " a second")}[o.rate == 0])
	fmt.Printf("%-9s %-8s %10s %9s %8s %8s %12s %9s\n", "server", "way", "a second", "arrived", "missing", "doubled", "core µs each", "MiB")
	for _, r := range results {
		each := float64(r.coreTime.Microseconds()) / float64(r.arrived)
		fmt.Printf("%-9s %-8s %10.0f %9d %8d %8d %12.2f %9.1f\n", r.server, r.way, float64(r.arrived)/r.seconds, r.arrived,
			o.messages/o.devices*o.devices-r.arrived, r.doubled, each, float64(r.memory)/(1<<20))
		for _, line := range r.counters {
			fmt.Println("   ", line)
		}
	}
	if failed {
		os.Exit(1)
	}
}
