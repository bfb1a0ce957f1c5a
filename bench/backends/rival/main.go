// A small gateway on gorilla/websocket that does what is measured of ringgate: messages of devices go to readers of an event stream,
// to a backend's WebSocket, or to a webhook. As simple as a good engineer would write it in a day, without drops: whoever is slow
// slows the devices.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

type event struct {
	Type   string `json:"type"`
	ID     string `json:"id"`
	Time   string `json:"time"`
	Device string `json:"device"`
	Text   string `json:"text"`
}

var (
	upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	mutex    sync.RWMutex
	readers  = map[chan []byte]bool{}
	number   atomic.Uint64
	lanes    []chan event
	hook     string
	batch    int // events in a request
)

func publish(device string, text []byte) {
	one := event{"device.message", fmt.Sprint(number.Add(1)), time.Now().UTC().Format(time.RFC3339Nano), device, string(text)}
	if hook != "" {
		sum := fnv.New32a()
		_, _ = sum.Write([]byte(device))
		lanes[sum.Sum32()%uint32(len(lanes))] <- one
		return
	}
	line, _ := json.Marshal(one)
	mutex.RLock()
	defer mutex.RUnlock()
	for reader := range readers {
		reader <- line
	}
}

func subscribe() chan []byte {
	reader := make(chan []byte, 4096)
	mutex.Lock()
	readers[reader] = true
	mutex.Unlock()
	return reader
}

func devices(w http.ResponseWriter, r *http.Request) {
	connection, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer connection.Close()
	device := r.URL.Query().Get("deviceId")
	for {
		_, text, err := connection.ReadMessage()
		if err != nil {
			return
		}
		publish(device, text)
	}
}

func events(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(200)
	w.(http.Flusher).Flush()
	reader := subscribe()
	for line := range reader {
		fmt.Fprintf(w, "event: device.message\ndata: %s\n\n", line)
		for more := true; more; {
			select {
			case line = <-reader:
				fmt.Fprintf(w, "event: device.message\ndata: %s\n\n", line)
			default:
				more = false
			}
		}
		w.(http.Flusher).Flush()
	}
}

func stream(w http.ResponseWriter, r *http.Request) {
	connection, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	for line := range subscribe() {
		if connection.WriteMessage(websocket.TextMessage, line) != nil {
			return
		}
	}
}

// post sends one request until it succeeds.
func post(client *http.Client, body []byte, contentType string, one *event) {
	for {
		request, _ := http.NewRequest("POST", hook, bytes.NewReader(body))
		request.Header.Set("Content-Type", contentType)
		if one != nil {
			request.Header.Set("ce-specversion", "1.0")
			request.Header.Set("ce-type", one.Type)
			request.Header.Set("ce-id", one.ID)
			request.Header.Set("ce-time", one.Time)
			request.Header.Set("ce-source", "/rival")
			request.Header.Set("ce-subject", one.Device)
		}
		response, err := client.Do(request)
		if err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
			if response.StatusCode < 300 {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func deliver(lane chan event) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	for one := range lane {
		if batch == 1 {
			post(client, []byte(one.Text), "text/plain; charset=utf-8", &one)
			continue
		}
		waiting := []cloudEvent{cloud(one)}
		for more := true; more && len(waiting) < batch; {
			select {
			case one = <-lane:
				waiting = append(waiting, cloud(one))
			default:
				more = false
			}
		}
		body, _ := json.Marshal(waiting)
		post(client, body, "application/cloudevents-batch+json", nil)
	}
}

type cloudEvent struct {
	SpecVersion string `json:"specversion"`
	Type        string `json:"type"`
	Source      string `json:"source"`
	ID          string `json:"id"`
	Time        string `json:"time"`
	Subject     string `json:"subject"`
	DataType    string `json:"datacontenttype"`
	Data        string `json:"data"`
}

func cloud(one event) cloudEvent {
	return cloudEvent{"1.0", one.Type, "/rival", one.ID, one.Time, one.Device, "text/plain; charset=utf-8", one.Text}
}

func main() {
	flag.StringVar(&hook, "webhook", "", "URL that messages are delivered to")
	count := flag.Int("lanes", 8, "requests under way at the same time")
	flag.IntVar(&batch, "batch", 1, "events in one request")
	flag.Parse()
	for i := 0; i < *count; i++ {
		lane := make(chan event, 1024)
		lanes = append(lanes, lane)
		go deliver(lane)
	}
	http.HandleFunc("/ws", devices)
	http.HandleFunc("/v1/events", events)
	http.HandleFunc("/v1/stream", stream)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, name := range []string{"devices", "admin"} {
		fmt.Fprintf(os.Stderr, "msg=listening listener=%s address=%s\n", name, listener.Addr())
	}
	_ = http.Serve(listener, nil)
}
