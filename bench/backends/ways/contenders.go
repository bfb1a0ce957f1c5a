package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"ringgate.test/backends/backend"
	"ringgate.test/backends/ledger"
	"ringgate.test/support/device"
	"ringgate.test/support/gate"
)

// contender is a server that devices send to and a backend hears from.
type contender struct {
	name   string
	path   string // of its binary; empty: it is left out
	start  func(path, way string, to *ledger.Ledger) (*gate.Gate, error)
	ways   map[string]consumer // a nil one is served by a receiver that `start` has begun
	target string              // where devices open their WebSocket, before their id
	// greet says what a device has to say before its messages; nil: nothing.
	greet func(one *device.Connection) error
	wrap  func(payload []byte, n int, way string) []byte
}

func bare(payload []byte, _ int, _ string) []byte { return payload }

// Settings of ringgate for each way. A route answers nothing, as the rival does not.
var sinks = map[string][]string{
	"sse":           {"route.0.upstream=events"},
	"ndjson":        {"route.0.upstream=events"},
	"stream":        {"route.0.upstream=events"},
	"webhook":       {"route.0.upstream=webhook:backend"},
	"webhook-batch": {"route.0.upstream=webhook:backend", "webhook.0.batch=100"},
}

// How many requests of a webhook are in flight, in both servers.
const lanes = 16

func startRinggate(more []string) func(string, string, *ledger.Ledger) (*gate.Gate, error) {
	return func(path, way string, to *ledger.Ledger) (*gate.Gate, error) {
		settings := append([]string{"route.0.handler=drop", "limits.ping_interval=off"}, sinks[way]...) // its devices do not read
		if way == "webhook" || way == "webhook-batch" {
			url, err := backend.Receive(noteMessages(to))
			if err != nil {
				return nil, err
			}
			settings = append(settings, "webhook.0.name=backend", "webhook.0.url="+url, "webhook.0.allow_local=true",
				// The receiver shares its cores with all devices: a late answer is its own fault.
				fmt.Sprint("webhook.0.lanes=", lanes), "webhook.0.timeout=1m")
		}
		return gate.Start(path, 1, gate.Plain(append(settings, more...)...)...)
	}
}

// again counts what a webhook delivered once more, because an answer was lost or late: it has the id of the first time.
var again atomic.Int64

func noteMessages(to *ledger.Ledger) func(backend.Event) {
	var mutex sync.Mutex
	seen := map[string]bool{}
	return func(event backend.Event) {
		mutex.Lock()
		known := seen[event.ID]
		seen[event.ID] = true
		mutex.Unlock()
		switch {
		case known:
			again.Add(1)
		case event.Type == "device.message":
			to.Note(event.Data)
		}
	}
}

func startRival(path, way string, to *ledger.Ledger) (*gate.Gate, error) {
	arguments := []string{fmt.Sprint("--lanes=", lanes)}
	if way == "webhook" || way == "webhook-batch" {
		url, err := backend.Receive(noteMessages(to))
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, "--webhook="+url)
	}
	if way == "webhook-batch" {
		arguments = append(arguments, "--batch=100")
	}
	return gate.Start(path, 1, arguments...)
}

// Centrifugo keeps no device from publishing; queues are as large as the run, so that nobody is cut for being slow.
const centrifugoSettings = `{
  "http_server": {"address": "127.0.0.1", "port": "%d"},
  "log": {"level": "error"},
  "client": {"insecure": true, "ping_interval": "0s", "queue_max_size": 1073741824, "allowed_origins": ["*"], "channel_limit": 128},
  "channel": {"without_namespace": {"allow_publish_for_client": true, "allow_publish_for_anonymous": true,
                                    "allow_subscribe_for_client": true, "allow_subscribe_for_anonymous": true}},
  "uni_sse": {"enabled": true}, "uni_http_stream": {"enabled": true},
  "rpc": {"proxy": {"endpoint": "http://%s/rpc", "timeout": "30s"}, "without_namespace": {"proxy_enabled": %t}}
}`

func startCentrifugo(path, way string, to *ledger.Ledger) (*gate.Gate, error) {
	calls, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() { _ = http.Serve(calls, centrifugoCalls(to)) }()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := free.Addr().(*net.TCPAddr).Port
	_ = free.Close()
	file, err := os.CreateTemp("", "centrifugo*.json")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	if _, err := fmt.Fprintf(file, centrifugoSettings, port, calls.Addr(), way == "webhook"); err != nil {
		return nil, err
	}
	_ = file.Close()
	command := exec.Command(path, "-c", file.Name())
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		return nil, err
	}
	address := fmt.Sprint("127.0.0.1:", port)
	started := gate.Attach(command, address, address)
	for limit := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			_ = connection.Close()
			return started, nil
		}
		if time.Now().After(limit) {
			_ = started.Stop()
			return nil, fmt.Errorf("centrifugo does not listen: %w", err)
		}
	}
}

// refusals counts the messages that Centrifugo answered with an error, and cuts the devices that it closed.
var refusals, cuts atomic.Int64

// greetCentrifugo connects, and reads on: each publication and call is answered.
func greetCentrifugo(one *device.Connection) error {
	if err := one.Send(device.Text, []byte(`{"id":1,"connect":{}}`)); err != nil {
		return err
	}
	if _, answer, err := one.Receive(); err != nil {
		return fmt.Errorf("%q: %w", answer, err)
	}
	go func() {
		for {
			opcode, answers, err := one.Receive()
			if err != nil {
				return
			}
			if opcode == device.Close {
				cuts.Add(1)
				return
			}
			refusals.Add(int64(bytes.Count(answers, []byte(`"error":`))))
		}
	}()
	return nil
}

func wrapForCentrifugo(payload []byte, n int, way string) []byte {
	if way == "webhook" {
		return []byte(fmt.Sprintf(`{"id":%d,"rpc":{"method":"said","data":%s}}`, n+2, payload))
	}
	return []byte(fmt.Sprintf(`{"id":%d,"publish":{"channel":"devices","data":%s}}`, n+2, payload))
}

func contenders(o options) []contender {
	sse, ndjson := readLines("text/event-stream", "data: "), readLines("application/x-ndjson", "")
	return []contender{
		{"ringgate", o.gate, startRinggate(o.settings),
			map[string]consumer{"sse": sse, "ndjson": ndjson, "stream": readStream, "webhook": nil, "webhook-batch": nil}, "/ws?deviceId=", nil, bare},
		{"gorilla", o.rival, startRival,
			map[string]consumer{"sse": sse, "stream": readSocket, "webhook": nil, "webhook-batch": nil}, "/ws?deviceId=", nil, bare},
		{"centrifugo", o.centrifugo, startCentrifugo,
			map[string]consumer{"sse": readCentrifugo("/connection/uni_sse", "data: "), "ndjson": readCentrifugo("/connection/uni_http_stream", ""),
				"stream": readCentrifugoSocket, "webhook": nil}, "/connection/websocket?device=", greetCentrifugo, wrapForCentrifugo},
	}
}
