// Asks for receipts of pushes to devices of five kinds, over plain TCP and TLS, and compares what each answer says with what the
// device's side knows: a message that was acknowledged is in the device's kernel, one that was ponged was read by its WebSocket layer.
// One line for each kind, transport and level; PASS or FAIL at the end. Run by `tools/stress receipts`.
//
// Devices vanish by a firewall rule of this program's own network namespace, so it runs inside one (unshare --net) as root.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sort"
	"strings"
	"sync"
	"time"

	"ringgate.test/support/gate"
)

type answer struct {
	number  int
	device  *peer
	level   string // that was waited for
	status  int
	reached string
}

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 224, MaxConnsPerHost: 224}}

// push sends message `number` and waits for a receipt.
func push(g *gate.Gate, d *peer, number int, level string, timeout time.Duration) (answer, error) {
	out := answer{number: number, device: d, level: level}
	url := fmt.Sprintf("http://%s/v1/devices/%s/messages?wait=%s&timeout=%dms", g.Admin, d.id, level, timeout.Milliseconds())
	response, err := client.Post(url, "text/plain", strings.NewReader(fmt.Sprint(number, " ", strings.Repeat("x", d.what.padding()))))
	if err != nil {
		return out, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return out, err
	}
	var told struct {
		Status          any
		Reached, Reason string
	}
	if err := json.Unmarshal(body, &told); err != nil {
		return out, fmt.Errorf("answered %d %s", response.StatusCode, body)
	}
	out.status, out.reached = response.StatusCode, told.Reached
	if told.Reached == "" {
		out.reached = told.Reason
	}
	return out, nil
}

var levels = []string{"queued", "sent", "acked", "ponged"}

var rank = map[string]int{"queued": 1, "sent": 2, "acked": 3, "ponged": 4}

// Reasons which say that a message was not sent.
var refusals = map[string]bool{"backpressure": true, "unknown_device": true, "receipt_unsupported": true, "closing": true, "dropped": true}

// judge says what is false about an answer, once everything that could arrive has arrived.
func judge(a answer) string {
	d := a.device
	if a.status == 200 && rank[a.reached] < rank[a.level] {
		return fmt.Sprintf("200 for %s, but reached %s", a.level, a.reached)
	}
	if a.status != 200 && rank[a.reached] >= rank[a.level] {
		return fmt.Sprintf("%d for %s, but reached %s", a.status, a.level, a.reached)
	}
	switch {
	case d.what.vanishes && rank[a.reached] >= rank["acked"]:
		return "acknowledged by a device without a network"
	case (!d.what.reads || !d.what.pongs) && a.reached == "ponged":
		return "ponged by a device that sends no pongs"
	case rank[a.reached] >= rank["acked"] && !d.has(a.number):
		return a.reached + ", but the device never got it"
	case a.status == 200 && !d.what.vanishes && !d.has(a.number):
		return "200 for " + a.level + ", but it never came to a device that read in the end"
	case refusals[a.reached] && d.has(a.number):
		return a.reached + ", but the device got it"
	}
	return ""
}

type options struct {
	tries, devices int
	timeout        time.Duration
}

// try sends the messages of one kind of device, and one level, over one transport.
func try(g *gate.Gate, address string, secure bool, what kind, level string, o options) (string, int) {
	var devices []*peer
	for i := 0; i < o.devices; i++ {
		id := fmt.Sprintf("%s-%v-%s-%d", strings.ReplaceAll(what.name, " ", "."), secure, level, i)
		d, err := dial(address, id, what, secure)
		if err != nil {
			return err.Error(), 1
		}
		devices = append(devices, d)
		defer d.connection.Close()
	}
	if what.vanishes {
		firewall(address, true)
		defer firewall(address, false)
	}
	answers := make([]answer, o.tries)
	faults := make([]error, o.tries)
	var group sync.WaitGroup
	lanes := 7 * o.devices // fewer than the admin port has connections
	for lane := 0; lane < lanes; lane++ {
		group.Add(1)
		go func(lane int) {
			defer group.Done()
			for n := lane; n < o.tries; n += lanes {
				answers[n], faults[n] = push(g, devices[n%len(devices)], n, level, o.timeout)
			}
		}(lane)
	}
	group.Wait()
	// Devices that did not read do so now, so that what their kernels hold is known.
	if !what.reads {
		for _, d := range devices {
			go d.read()
		}
	}
	settle(devices)
	counts := map[string]int{}
	false_ := map[string]int{}
	for n, a := range answers {
		if faults[n] != nil {
			false_[faults[n].Error()]++
			continue
		}
		counts[fmt.Sprintf("%d %s", a.status, a.reached)]++
		if wrong := judge(a); wrong != "" {
			false_[wrong]++
		}
	}
	for _, d := range devices {
		for _, fault := range d.faults {
			false_[fault]++
		}
	}
	bad := 0
	for _, count := range false_ {
		bad += count
	}
	return listed(counts) + map[bool]string{true: "", false: "   FALSE: " + listed(false_)}[bad == 0], bad
}

// settle returns once no device has read anything for a while.
func settle(devices []*peer) {
	last := -1
	for quiet := 0; quiet < 4; {
		time.Sleep(50 * time.Millisecond)
		sum := 0
		for _, d := range devices {
			sum += d.count()
		}
		if sum == last {
			quiet++
		} else {
			quiet, last = 0, sum
		}
	}
}

func listed(counts map[string]int) string {
	var parts []string
	for what, count := range counts {
		parts = append(parts, fmt.Sprintf("%d × %s", count, what))
	}
	sort.Strings(parts)
	return strings.Join(parts, ", ")
}

// firewall drops what goes to and comes from a port of the gate.
func firewall(address string, on bool) {
	port := address[strings.LastIndexByte(address, ':')+1:]
	rules := "table inet vanish {}\ndelete table inet vanish\n"
	if on {
		rules += fmt.Sprintf("table inet vanish {\n chain out {\n  type filter hook output priority 0\n  tcp sport %s drop\n  tcp dport %s drop\n }\n}\n", port, port)
	}
	command := exec.Command("nft", "-f", "-")
	command.Stdin = bytes.NewBufferString(rules)
	if out, err := command.CombinedOutput(); err != nil {
		fmt.Printf("FAIL receipts: nft: %s\n", out)
		os.Exit(2)
	}
}

func main() {
	binary := flag.String("gate", "build/release/ringgate", "ringgate's binary")
	tries := flag.Int("tries", 100_000, "pushes of each level, to each kind of device, over each transport")
	sample := flag.Bool("sample", false, "a few seconds only")
	flag.Parse()
	if *sample {
		*tries = 500
	}
	folder, err := os.MkdirTemp("", "receipts")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	g, err := startGate(*binary, folder)
	if err != nil {
		fmt.Println("FAIL receipts:", err)
		os.Exit(2)
	}
	bad, begin := 0, time.Now()
	for _, secure := range []bool{false, true} {
		address := g.Devices[map[bool]int{false: 0, true: 1}[secure]]
		for _, what := range kinds {
			for _, level := range levels {
				o := options{tries: *tries, devices: 32, timeout: 5 * time.Second}
				// Where the level is not reached, each wait lasts until it times out.
				if !what.reads || what.vanishes && rank[level] > 2 || level == "ponged" && !what.pongs {
					o.timeout = 30 * time.Millisecond
				}
				line, wrong := try(g, address, secure, what, level, o)
				bad += wrong
				fmt.Printf("%-5s %-21s %-7s %s\n", map[bool]string{false: "plain", true: "TLS"}[secure], what.name, level, line)
			}
		}
	}
	if err := g.Stop(); err != nil {
		fmt.Println("the gate ended with", err)
		bad++
	}
	verdict := map[bool]string{true: "PASS", false: "FAIL"}[bad == 0]
	fmt.Printf("%s receipts: %d tries in each of %d rows, %d false, %.0f s\n", verdict, *tries, 2*len(kinds)*len(levels), bad, time.Since(begin).Seconds())
	if bad > 0 {
		os.Exit(1)
	}
}
