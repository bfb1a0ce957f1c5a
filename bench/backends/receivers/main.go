// Measures what devices notice of a receiver that fails: the echoes of devices whose messages also go to a webhook or to a reader of
// events, beside the same with a good receiver, in turn. Behind each run the receiver recovers, and the books are checked: what devices
// sent has arrived in order of each device, once, or was counted and announced as missing; memory stayed within its bounds.
//
// Run by `tools/bench receivers`.
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

// A way to fail, from the beginning of a run. `judge` is asked for each request, `play` runs beside it.
type mode struct {
	name  string
	sink  string // what is good instead of it: "webhook", "sse", "stream"
	judge func(since time.Duration) verdict
	play  func(r *receiver, length time.Duration, end <-chan struct{})
}

func always(v verdict) func(time.Duration) verdict { return func(time.Duration) verdict { return v } }

var modes = []mode{
	{"answers never", "webhook", always(silent), nil},
	{"is not there", "webhook", always(take), func(r *receiver, _ time.Duration, end <-chan struct{}) {
		r.kill()
		<-end
	}},
	{"answers after 1 s", "webhook", always(late), nil},
	{"answers 500", "webhook", always(500), nil},
	{"answers 429", "webhook", always(429), nil},
	{"answers 410", "webhook", always(410), nil},
	{"comes and goes", "webhook", always(take), func(r *receiver, _ time.Duration, end <-chan struct{}) {
		for here := false; ; here = !here {
			if here {
				_ = r.open()
			} else {
				r.kill()
			}
			select {
			case <-time.After(500 * time.Millisecond):
			case <-end:
				return
			}
		}
	}},
	{"is killed", "webhook", always(take), func(r *receiver, length time.Duration, end <-chan struct{}) {
		time.Sleep(length / 3)
		r.kill()
		<-end
	}},
	{"SSE reader stalls", "sse", nil, nil},
	{"stream without credit", "stream", nil, nil},
	{"no sink at all", "webhook", nil, nil},
}

type options struct {
	gate                  string
	devices, rate, rounds int
	length                time.Duration
}

const (
	queueBytes    = 1 << 20
	queueMessages = 2000
	logBytes      = 1 << 20
)

// outcome of one run.
type outcome struct {
	p50, p99                          float64 // of an echo, in microseconds
	memory                            int64   // of the gate, the most that was seen
	sent, arrived, dropped, announced int
	repeated, cuts                    int
	fault                             string
}

func settings(sink string, url string) []string {
	all := []string{"route.0.handler=echo", "events.log=1MiB", "events.ring=1MiB", "route.0.limits.max_message=64KiB"}
	switch sink {
	case "none":
		return all
	case "webhook":
		return append(all, "route.0.upstream=webhook:backend", "webhook.0.name=backend", "webhook.0.url="+url, "webhook.0.allow_local=true",
			"webhook.0.timeout=2s", "webhook.0.retry_min=100ms", "webhook.0.retry_max=1s", "webhook.0.max_attempts=1000",
			fmt.Sprint("webhook.0.queue_messages=", queueMessages), "webhook.0.queue_bytes=1MiB")
	}
	return append(all, "route.0.upstream=events")
}

// run is one mode, or with `good` the same sink without a fault.
func run(m mode, good bool, o options) outcome {
	to := ledger.New(1 << 30)
	sink := m.sink
	if sink == "webhook" && m.judge == nil && !good {
		sink = "none"
	}
	begin := time.Now()
	judge := func() verdict {
		if good || m.judge == nil {
			return take
		}
		return m.judge(time.Since(begin))
	}
	r, err := newReceiver(to, judge)
	if err != nil {
		return outcome{fault: err.Error()}
	}
	defer r.kill()
	server, err := gate.Start(o.gate, 1, gate.Plain(settings(sink, "http://"+r.address+"/events")...)...)
	if err != nil {
		return outcome{fault: err.Error()}
	}
	out := outcome{}
	var events *reader
	if sink == "sse" || sink == "stream" {
		events = newReader(server.Admin, sink == "stream", !good, to)
		if err := events.start(); err != nil {
			out.fault = err.Error()
		}
	}
	if out.fault == "" {
		out = measure(m, good, server, r, events, to, o)
	}
	if err := server.Stop(); err != nil && out.fault == "" {
		out.fault = "the gate ended with " + err.Error()
	}
	return out
}

func measure(m mode, good bool, server *gate.Gate, r *receiver, events *reader, to *ledger.Ledger, o options) (out outcome) {
	devices, err := device.OpenAll(server.Devices[0], "/ws?deviceId=", o.devices)
	if err != nil {
		return outcome{fault: err.Error()}
	}
	defer device.CloseAll(devices)
	time.Sleep(200 * time.Millisecond)
	end, played := make(chan struct{}), make(chan struct{})
	go func() {
		if m.play != nil && !good {
			m.play(r, o.length, end)
		}
		close(played)
	}()
	watch := make(chan int64)
	go func() {
		most := int64(0)
		for {
			if now := server.Resident(); now > most {
				most = now
			}
			select {
			case <-time.After(100 * time.Millisecond):
			case watch <- most:
				return
			}
		}
	}()
	all := &echoes{devices: devices}
	all.run(o.rate, o.length)
	out.memory = <-watch
	close(end)
	<-played
	out.p50, out.p99, out.sent = all.percentile(0.5), all.percentile(0.99), all.sent
	if all.fault != nil {
		out.fault = all.fault.Error()
		return out
	}
	if err := r.recover(); err != nil {
		out.fault = err.Error()
		return out
	}
	if events != nil {
		settleReader(&out, events, to, good)
	} else if m.judge != nil || good {
		settleWebhook(&out, server, r, to, m.name == "answers 410" && !good)
	}
	sum := to.Sum()
	if out.arrived = sum.Arrived; sum.Late > 0 || sum.Foreign > 0 {
		out.fault = fmt.Sprintf("%d came twice or too late, %d were never sent", sum.Late, sum.Foreign)
	}
	return out
}

const settleLimit = 30 * time.Second

// settleWebhook waits until nothing is queued, and compares the gate's books with the receiver's.
func settleWebhook(out *outcome, server *gate.Gate, r *receiver, to *ledger.Ledger, stopped bool) {
	books := map[string]float64{}
	const events, drops = `ringgate_webhook_events_total{webhook="backend",outcome="%s"}`, "ringgate_webhook_dropped_total"
	value := func(outcome string) (sum int) {
		switch outcome {
		case "queued":
			return int(books[`ringgate_webhook_queued_messages{webhook="backend"}`])
		case "dropped":
			for series, count := range books {
				if strings.HasPrefix(series, drops) {
					sum += int(count)
				}
			}
			return sum
		}
		return int(books[fmt.Sprintf(events, outcome)])
	}
	for limit := time.Now().Add(settleLimit); ; time.Sleep(50 * time.Millisecond) {
		var err error
		if books, err = server.Metrics("ringgate_webhook_"); err != nil {
			out.fault = err.Error()
			return
		}
		_, announced := r.counts()
		if value("queued") == 0 && value("taken") == out.sent && (stopped || announced == value("dropped")) {
			break
		}
		if time.Now().After(limit) {
			out.fault = fmt.Sprintf("after %v: sent %d, taken %d, queued %d, dropped %d, announced %d", settleLimit, out.sent, value("taken"),
				value("queued"), value("dropped"), announced)
			break
		}
	}
	out.dropped = value("dropped")
	out.repeated, out.announced = r.counts()
	if arrived := to.Sum().Arrived; out.fault == "" && (arrived+out.dropped != out.sent || value("delivered") != arrived) {
		out.fault = fmt.Sprintf("sent %d, arrived %d, delivered %d, dropped %d", out.sent, arrived, value("delivered"), out.dropped)
	}
}

// settleReader lets the reader read, and waits until what has arrived and what is missing are what was sent.
func settleReader(out *outcome, events *reader, to *ledger.Ledger, good bool) {
	if !good {
		close(events.stalled)
	}
	for limit := time.Now().Add(settleLimit); ; time.Sleep(20 * time.Millisecond) {
		out.announced, out.cuts = events.counts()
		arrived := to.Sum().Arrived
		if arrived+out.announced == out.sent {
			break
		}
		if time.Now().After(limit) {
			out.fault = fmt.Sprintf("after %v: sent %d, arrived %d, announced as missing %d", settleLimit, out.sent, arrived, out.announced)
			break
		}
	}
	events.stop()
	out.dropped = out.announced
}

func main() {
	var o options
	chosen := ""
	flag.StringVar(&o.gate, "gate", "build/release/ringgate", "ringgate's binary")
	flag.IntVar(&o.devices, "devices", 100, "devices")
	flag.IntVar(&o.rate, "rate", 1000, "messages a second over all devices")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of each mode")
	flag.DurationVar(&o.length, "length", 6*time.Second, "of a run")
	flag.StringVar(&chosen, "modes", "", "parts of the modes' names, by commas; empty: all")
	flag.Parse()
	fmt.Printf("%d devices, %d messages of 64 bytes a second, runs of %v, %d rounds; queue of %d messages or %d KiB, log of %d KiB\n",
		o.devices, o.rate, o.length, o.rounds, queueMessages, queueBytes/1024, logBytes/1024)
	fmt.Printf("%-22s %9s %9s %22s %8s %8s %8s %8s %8s %6s %9s\n", "receiver", "p50 µs", "p99 µs", "p99, times good", "MiB", "good MiB", "sent", "arrived", "dropped", "again", "cut")
	failed := false
	for _, m := range modes {
		if !rounds.Chosen(chosen, m.name) {
			continue
		}
		failed = !compare(m, o) || failed
	}
	if failed {
		os.Exit(1)
	}
}

// compare runs a mode and its good counterpart in turn, and prints the medians. The memory that a failing receiver may cost more than a
// good one is what its queue and the log hold.
func compare(m mode, o options) bool {
	var p50, p99, ratios []float64
	var sum outcome
	var goodMemory int64
	right := true
	for round := 0; round < o.rounds; round++ {
		var good, bad outcome
		for _, isGood := range []bool{round%2 == 0, round%2 != 0} {
			if isGood {
				good = run(m, true, o)
			} else {
				bad = run(m, false, o)
			}
		}
		for _, one := range []outcome{good, bad} {
			if one.fault != "" {
				fmt.Printf("FAULT %s, round %d: %s\n", m.name, round+1, one.fault)
				right = false
			}
		}
		if allowed := good.memory + 4*queueBytes + 2*logBytes; bad.memory > allowed {
			fmt.Printf("FAULT %s, round %d: %d KiB of memory, %d are allowed\n", m.name, round+1, bad.memory/1024, allowed/1024)
			right = false
		}
		p50, p99, ratios = append(p50, bad.p50), append(p99, bad.p99), append(ratios, bad.p99/good.p99)
		sum.memory, goodMemory = max(sum.memory, bad.memory), max(goodMemory, good.memory)
		sum.sent, sum.arrived, sum.dropped = sum.sent+bad.sent, sum.arrived+bad.arrived, sum.dropped+bad.dropped
		sum.repeated, sum.cuts = sum.repeated+bad.repeated, sum.cuts+bad.cuts
	}
	fmt.Printf("%-22s %9.0f %9.0f %22s %8.1f %8.1f %8d %8d %8d %6d %9d\n", m.name, rounds.Median(p50), rounds.Median(p99),
		rounds.Spread(ratios), float64(sum.memory)/(1<<20),
		float64(goodMemory)/(1<<20), sum.sent, sum.arrived, sum.dropped, sum.repeated, sum.cuts)
	return right
}

func max(a, b int64) int64 {
	if a > b {
		return a
	}
	return b
}
