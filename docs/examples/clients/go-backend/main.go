// A backend in Go, with nothing but the standard library: reads the event stream, receives webhooks, pushes with receipts.
//
// usage: backend events URL               such as http://127.0.0.1:8081/v1/events?type=device.message
//
//	backend webhook PORT SECRET      answers each message of a device with "got N bytes"
//	backend push URL DEVICE TEXT     such as http://127.0.0.1:8081
//
// The admin port's token, if it asks for one, is taken from RINGGATE_TOKEN.
package main

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

func request(ctx context.Context, method, address string, body io.Reader) (*http.Request, error) {
	asked, err := http.NewRequestWithContext(ctx, method, address, body)
	if token := os.Getenv("RINGGATE_TOKEN"); err == nil && token != "" {
		asked.Header.Set("Authorization", "Bearer "+token)
	}
	return asked, err
}

func pause(reply *http.Response) {
	seconds, err := strconv.Atoi(reply.Header.Get("Retry-After"))
	if err != nil {
		seconds = 1
	}
	time.Sleep(time.Duration(seconds) * time.Second)
}

// events calls handle with each event, as JSON, for ever. After a break it goes on behind the last one; an event of type `gap`
// tells what was lost.
func events(address string, handle func(string)) error {
	for last := ""; ; time.Sleep(time.Second) {
		asked, err := request(context.Background(), http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		asked.Header.Set("Accept", "text/event-stream")
		if last != "" {
			asked.Header.Set("Last-Event-ID", last)
		}
		reply, err := http.DefaultClient.Do(asked)
		if err != nil {
			continue
		}
		if reply.StatusCode != http.StatusOK {
			reply.Body.Close()
			if reply.StatusCode != http.StatusTooManyRequests && reply.StatusCode != http.StatusServiceUnavailable {
				return fmt.Errorf("%s", reply.Status)
			}
			pause(reply)
			continue
		}
		lines := bufio.NewScanner(reply.Body)
		lines.Buffer(nil, 64<<20)
		var data []string
		id := ""
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ":")
			value = strings.TrimPrefix(value, " ")
			switch {
			case name == "data":
				data = append(data, value)
			case name == "id":
				id = value
			case lines.Text() == "" && len(data) > 0:
				handle(strings.Join(data, "\n"))
				if id != "" {
					last = id // only now: what was not handled comes again
				}
				data = nil
			}
		}
		reply.Body.Close()
	}
}

// secretOf gives the bytes of a secret: what follows `whsec_` is base64, any other text is the secret itself.
func secretOf(text string) ([]byte, error) {
	if encoded, ok := strings.CutPrefix(text, "whsec_"); ok {
		return base64.StdEncoding.DecodeString(encoded)
	}
	return []byte(text), nil
}

// isSigned says whether `Ringgate-Signature: t=SECONDS,v1=HEX[,v1=HEX]` is ours: HMAC-SHA256 over `t.body`, by any live secret,
// not too old.
func isSigned(header string, body []byte, secrets [][]byte, now time.Time) bool {
	const tolerance = 300
	at := ""
	var given [][]byte
	for _, part := range strings.Split(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if name == "t" && at != "" {
			return false
		}
		if name == "t" {
			at = value
		}
		if sum, err := hex.DecodeString(value); name == "v1" && err == nil {
			given = append(given, sum)
		}
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || seconds < now.Unix()-tolerance || seconds > now.Unix()+tolerance {
		return false
	}
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(at + "."))
		mac.Write(body)
		for _, sum := range given {
			if hmac.Equal(sum, mac.Sum(nil)) {
				return true
			}
		}
	}
	return false
}

// webhook takes CloudEvents in binary mode: the type is in `ce-type`, the body is the event's data.
func webhook(port string, secrets [][]byte) error {
	var mutex sync.Mutex
	seen := map[string]bool{} // a delivery whose answer was lost comes again
	var order []string
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		return err
	}
	fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	return http.Serve(listener, http.HandlerFunc(func(answer http.ResponseWriter, asked *http.Request) {
		if asked.Method == http.MethodOptions { // the gate asks first whether it may send here (CloudEvents webhooks, section 4)
			answer.Header().Set("WebHook-Allowed-Origin", asked.Header.Get("WebHook-Request-Origin"))
			answer.Header().Set("Allow", "POST")
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(answer, asked.Body, 16<<20))
		if err != nil || !isSigned(asked.Header.Get("Ringgate-Signature"), body, secrets, time.Now()) {
			answer.WriteHeader(http.StatusUnauthorized)
			return
		}
		id := asked.Header.Get("ce-id")
		mutex.Lock()
		defer mutex.Unlock()
		if seen[id] {
			answer.WriteHeader(http.StatusNoContent)
			return
		}
		seen[id] = true
		if order = append(order, id); len(order) > 10000 {
			delete(seen, order[0])
			order = order[1:]
		}
		fmt.Println(asked.Header.Get("ce-type"), asked.Header.Get("ce-subject"), string(body))
		if !strings.HasSuffix(asked.Header.Get("ce-type"), "device.message") {
			answer.WriteHeader(http.StatusNoContent)
			return
		}
		answer.Header().Set("Content-Type", "text/plain")
		fmt.Fprintf(answer, "got %d bytes", len(body)) // goes to the device
	}))
}

// push goes on until it is known what became of the message. The key makes repeating safe: the device gets it once.
func push(base, device, text, wait string) (status int, body string, err error) {
	const tries = 5
	address := fmt.Sprintf("%s/v1/devices/%s/messages?wait=%s&timeout=5s", base, url.PathEscape(device), wait)
	key := make([]byte, 16)
	if _, err := rand.Read(key); err != nil {
		return 0, "", err
	}
	for attempt := 1; ; attempt++ {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		asked, err := request(ctx, http.MethodPost, address, strings.NewReader(text))
		if err != nil {
			cancel()
			return 0, "", err
		}
		asked.Header.Set("Content-Type", "text/plain; charset=utf-8")
		asked.Header.Set("Idempotency-Key", hex.EncodeToString(key))
		asked.Header.Set("Ringgate-Ttl", "60")
		reply, err := http.DefaultClient.Do(asked)
		if err != nil {
			cancel()
			if attempt == tries {
				return 0, "", err
			}
			time.Sleep(time.Second)
			continue
		}
		told, err := io.ReadAll(reply.Body)
		reply.Body.Close()
		cancel()
		again := reply.StatusCode == 429 || reply.StatusCode == 503 || reply.StatusCode == 504
		if !again || attempt == tries {
			return reply.StatusCode, string(told), err
		}
		pause(reply)
	}
}

const usage = `usage: backend events URL
       backend webhook PORT SECRET
       backend push URL DEVICE TEXT`

func main() {
	operands := map[string]int{"events": 1, "webhook": 2, "push": 3}
	if len(os.Args) < 2 || len(os.Args)-2 != operands[os.Args[1]] || len(os.Args) == 2 {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(64)
	}
	given := os.Args[2:]
	var err error
	switch os.Args[1] {
	case "events":
		err = events(given[0], func(event string) { fmt.Println(event) })
	case "webhook":
		var secret []byte
		if secret, err = secretOf(given[1]); err == nil {
			err = webhook(given[0], [][]byte{secret})
		}
	case "push":
		var status int
		var body string
		status, body, err = push(given[0], given[1], given[2], "ponged")
		fmt.Println(status, body)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
