// A device in Go: stays connected to ringgate, obeys the close codes, says hello and prints what it hears.
//
// usage: go run . URL
package main

import (
	"errors"
	"fmt"
	"math/rand"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
)

// What each close code asks of a device. Codes that are not here, and connections that break: back off.
var stayAway = map[int]bool{1000: true, 1002: true, 1003: true, 1007: true, 1009: true,
	4400: true, 4401: true, 4403: true, 4409: true, 4413: true} // 4401: until there is a new credential
var atOnce = map[int]bool{4408: true, 4440: true}
var soon = map[int]bool{1012: true, 1013: true}

// Refused handshakes that may succeed later.
var comeBackStatuses = map[int]bool{408: true, 409: true, 429: true, 500: true, 502: true, 503: true, 504: true}

var retryAfter = regexp.MustCompile(`retry_after_ms=(\d+)`)

const never = time.Duration(-1)

// backoff gives times that double up to a minute, of which a random half: devices lost together do not come back together.
type backoff struct{ tries int }

func (b *backoff) next() time.Duration {
	ceiling := time.Minute
	if b.tries < 6 {
		ceiling = time.Second << b.tries
	}
	b.tries++
	return between(ceiling/2, ceiling)
}

func between(least, most time.Duration) time.Duration {
	return least + time.Duration(rand.Int63n(int64(most-least)))
}

// delayAfter says how long to wait before the next try; never: do not come back.
func delayAfter(code int, reason string, b *backoff) time.Duration {
	if told := retryAfter.FindStringSubmatch(reason); code == 1001 && told != nil {
		milliseconds, _ := strconv.Atoi(told[1])
		return time.Duration(milliseconds) * time.Millisecond
	}
	switch {
	case stayAway[code] || code >= 4000 && code <= 4099:
		return never
	case atOnce[code]:
		return 0
	case soon[code]:
		return between(time.Second, 10*time.Second)
	}
	return b.next()
}

// delayAfterRefusal is the same for a handshake that was answered with something else than 101.
func delayAfterRefusal(response *http.Response, b *backoff) time.Duration {
	if !comeBackStatuses[response.StatusCode] {
		return never
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil {
		return time.Duration(seconds)*time.Second + between(0, time.Second)
	}
	return b.next()
}

// talk is one connection. It returns why it ended, and how long to wait.
func talk(url string, b *backoff) (code int, reason string, delay time.Duration) {
	socket, response, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil && response != nil {
		return response.StatusCode, err.Error(), delayAfterRefusal(response, b)
	}
	if err != nil {
		return websocket.CloseAbnormalClosure, err.Error(), b.next()
	}
	defer socket.Close()
	fmt.Println("open")
	err = socket.WriteMessage(websocket.TextMessage, []byte("hello"))
	for {
		var message []byte
		if err == nil {
			_, message, err = socket.ReadMessage()
		}
		if err == nil {
			b.tries = 0 // not at the opening: a gate that closes at once must not be asked in a tight loop
			fmt.Printf("message %s\n", message)
			continue
		}
		var closed *websocket.CloseError
		if errors.As(err, &closed) {
			return closed.Code, closed.Text, delayAfter(closed.Code, closed.Text, b)
		}
		return websocket.CloseAbnormalClosure, err.Error(), b.next()
	}
}

func main() {
	var b backoff
	for {
		code, reason, delay := talk(os.Args[1], &b)
		if delay == never {
			fmt.Println("end", code, reason)
			return
		}
		fmt.Printf("wait %d ms after %d %s\n", delay.Milliseconds(), code, reason)
		time.Sleep(delay)
	}
}
