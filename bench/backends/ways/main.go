// Measures the ways from devices to a backend: the same messages of the same devices go into ringgate's event stream, its backend
// WebSocket or a webhook, into a small gateway on gorilla/websocket (rival) that does the same, and into Centrifugo. Each device numbers
// its messages, and whatever arrives is checked: order of each device, nothing twice, nothing lost but what the gate has counted.
//
// All servers, the devices and the backend share the machine's cores: compare figures of one run only. Run by `tools/bench upstream`.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"ringgate.test/backends/ledger"
	"ringgate.test/backends/rounds"
	"ringgate.test/support/device"
	"ringgate.test/support/gate"
)

type options struct {
	devices, messages, size, rate, rounds int
	gate, rival, centrifugo               string
	settings                              []string // more of ringgate's
}

// result of one server on one way.
type result struct {
	ledger.Sum
	seconds  float64
	coreTime time.Duration // of the server
	memory   int64         // of the server, behind the run
	counted  int           // lost, by the server's own word
	again    int           // deliveries of an event that had been delivered

	unanswered int // requests of a webhook
}

func run(c contender, way string, o options) (out result, err error) {
	each := o.messages / o.devices
	to := ledger.New(each * o.devices)
	server, err := c.start(c.path, way, to)
	if err != nil {
		return out, err
	}
	defer func() { _ = server.Stop() }()
	if begin := c.ways[way]; begin != nil {
		if err := begin(server.Admin, to); err != nil {
			return out, err
		}
	}
	all, err := openFleet(c, way, server.Devices[0], each, o)
	if err != nil {
		return out, err
	}
	defer device.CloseAll(all.devices)
	time.Sleep(500 * time.Millisecond) // the accept storm is not measured
	core, begin := server.CoreTime(), time.Now()
	if err := all.send(o.rate); err != nil {
		return out, err
	}
	last := waitFor(to, begin)
	out.seconds, out.coreTime, out.memory = last.Sub(begin).Seconds(), server.CoreTime()-core, server.Resident()
	out.Sum, out.again = to.Sum(), int(again.Swap(0))
	switch c.name {
	case "ringgate":
		if out.counted, err = lost(server, int(gapsRead.Swap(0))); err == nil {
			out.unanswered, err = unanswered(server)
		}
	case "centrifugo":
		out.counted = int(refusals.Swap(0))
		if closed := cuts.Swap(0); closed > 0 {
			err = fmt.Errorf("%d devices were closed", closed)
		}
	}
	return out, err
}

// lost sums what ringgate says that it has not passed on. What readers have missed are records of the log, and gaps are records, too: the
// messages that an overwritten one told of are counted as dropped.
func lost(server *gate.Gate, gapsRead int) (sum int, err error) {
	const gaps = `ringgate_events_logged_total{type="gap"}`
	const missed = `ringgate_event_reads_total{result="missed"}`
	series, err := server.Metrics(`ringgate_events_dropped_total{type="device.message"`, missed, gaps, `ringgate_webhook_dropped_total`)
	for name, value := range series {
		if name != gaps {
			sum += int(value)
		}
	}
	if series[missed] > 0 {
		sum -= int(series[gaps]) - gapsRead
	}
	return sum, err
}

// unanswered is how many requests of the webhook had no answer. Their events are delivered again.
func unanswered(server *gate.Gate) (int, error) {
	const name = `ringgate_webhook_requests_total{webhook="backend",status="none"}`
	series, err := server.Metrics(name)
	return int(series[name]), err
}

// Whether somebody sees progress as it goes; a log gets a line for each run.
var onTerminal = func() bool {
	about, err := os.Stderr.Stat()
	return err == nil && about.Mode()&os.ModeCharDevice != 0
}()

// waitFor returns when everything has arrived, or when nothing has for three seconds: the time of the last arrival.
func waitFor(to *ledger.Ledger, begin time.Time) time.Time {
	last, since := -1, time.Now()
	for {
		select {
		case <-to.Complete():
			return time.Now()
		case <-time.After(50 * time.Millisecond):
		}
		sum := to.Sum()
		if onTerminal {
			fmt.Fprintf(os.Stderr, "\r%8d arrived, %d passed over, %3.0f s ", sum.Arrived, sum.Passed, time.Since(begin).Seconds())
		}
		if sum.Arrived != last {
			last, since = sum.Arrived, time.Now()
		} else if time.Since(since) > 3*time.Second {
			return since
		}
	}
}

// fault says what is wrong with a result; empty: nothing.
func (r result) fault(wanted int) string {
	switch missing := wanted - r.Arrived; {
	case r.Late > 0 || r.Foreign > 0:
		return fmt.Sprintf("%d came twice or too late, %d were never sent", r.Late, r.Foreign)
	case r.again > 0 && r.unanswered == 0:
		return fmt.Sprintf("%d were delivered again, although every request was answered", r.again)
	case missing != r.counted:
		return fmt.Sprintf("%d are missing, %d were counted as dropped", missing, r.counted)
	}
	return ""
}

func main() {
	var o options
	chosen, more := "", ""
	flag.StringVar(&o.gate, "gate", "build/release/ringgate", "ringgate's binary")
	flag.StringVar(&o.rival, "rival", "", "the rival's binary; empty: none")
	flag.StringVar(&o.centrifugo, "centrifugo", "", "Centrifugo's binary; empty: none")
	flag.IntVar(&o.devices, "devices", 5000, "devices")
	flag.IntVar(&o.messages, "messages", 1_000_000, "messages of all devices")
	flag.IntVar(&o.size, "size", 64, "bytes of a message")
	flag.IntVar(&o.rate, "rate", 0, "messages a second over all devices; 0: as fast as they can")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds, in each of which every server has its turn")
	flag.StringVar(&chosen, "ways", "sse,ndjson,stream,webhook,webhook-batch", "what is measured")
	flag.StringVar(&more, "set", "", "more settings of ringgate, by commas")
	flag.Parse()
	if more != "" {
		o.settings = strings.Split(more, ",")
	}
	wanted := o.messages / o.devices * o.devices
	fmt.Printf("%d devices, %d messages of %d bytes, %s, %d rounds\n", o.devices, wanted, o.size,
		map[bool]string{true: "as fast as devices can", false: fmt.Sprint(o.rate, " a second")}[o.rate == 0], o.rounds)
	failed := false
	for _, way := range strings.Split(chosen, ",") {
		failed = !measure(way, wanted, o) || failed
	}
	if failed {
		os.Exit(1)
	}
}

// measure runs one way with every server in turn, and says whether all was right.
func measure(way string, wanted int, o options) bool {
	right := true
	results := map[string][]result{}
	for round := 0; round < o.rounds; round++ {
		for _, c := range contenders(o) {
			if _, can := c.ways[way]; c.path == "" || !can {
				continue
			}
			one, err := run(c, way, o)
			if onTerminal {
				fmt.Fprintf(os.Stderr, "\r%-70s\r", "")
			} else {
				fmt.Fprintf(os.Stderr, "%s %s, round %d: %d arrived in %.0f s\n", c.name, way, round+1, one.Arrived, one.seconds)
			}
			fault := one.fault(wanted)
			if err != nil {
				fault = err.Error()
			}
			if fault != "" {
				fmt.Printf("%s %s: %s\n", c.name, way, fault)
				right = false
				continue
			}
			if one.again > 0 {
				fmt.Printf("%s %s: %d were delivered again, with their ids; %d requests had no answer\n", c.name, way, one.again, one.unanswered)
			}
			results[c.name] = append(results[c.name], one)
		}
	}
	fmt.Printf("%-14s %-11s %10s %9s %8s %8s %12s %18s\n", "way", "server", "a second", "arrived", "dropped", "MiB", "core µs each", "times ringgate")
	for _, c := range contenders(o) {
		own := results[c.name]
		if len(own) == 0 {
			continue
		}
		var rates, arrived, counted, memory, cores, ratios []float64
		for i, r := range own {
			rates = append(rates, float64(r.Arrived)/r.seconds)
			arrived, counted = append(arrived, float64(r.Arrived)), append(counted, float64(r.counted))
			memory, cores = append(memory, float64(r.memory)/(1<<20)), append(cores, r.core())
			if base := results["ringgate"]; i < len(base) {
				ratios = append(ratios, r.core()/base[i].core())
			}
		}
		ratio := ""
		if c.name != "ringgate" && len(ratios) > 0 {
			ratio = rounds.Spread(ratios)
		}
		fmt.Printf("%-14s %-11s %10.0f %9.0f %8.0f %8.1f %12.2f %18s\n", way, c.name, rounds.Median(rates), rounds.Median(arrived), rounds.Median(counted),
			rounds.Median(memory), rounds.Median(cores), ratio)
	}
	return right
}

// core is the server's time for each message that arrived, in microseconds.
func (r result) core() float64 { return float64(r.coreTime.Microseconds()) / float64(r.Arrived) }
