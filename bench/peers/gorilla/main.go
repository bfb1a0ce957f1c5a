// Echo server on gorilla/websocket: one goroutine per connection, net/http for the opening handshake.
//
// Settings, and why: NextReader into a buffer that the connection keeps, for ReadMessage allocates a new one per message;
// WriteMessage, which for a server sends head and payload of a large message by one writev without copying; a pool of write
// buffers, as the package recommends for many connections, so that the hot one is used again; 4 KiB buffers, net/http's own
// size: large payloads are read past them anyway. A goroutine of its own after the upgrade lets net/http's memory go. No
// compression, no deadlines, no read limit. GOMAXPROCS=1 (one core) and GOGC=400 come from peers.py. The package does not
// validate UTF-8.
//
// With CERTIFICATE and KEY it speaks TLS by crypto/tls. Whole records from the first byte on: growing them saves latency on slow
// links and costs time. Session tickets are on by default.
package main

import (
	"bytes"
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/gorilla/websocket"
)

var upgrader = websocket.Upgrader{
	ReadBufferSize:  4096,
	WriteBufferSize: 4096,
	WriteBufferPool: &sync.Pool{},
	CheckOrigin:     func(*http.Request) bool { return true },
}

func echo(connection *websocket.Conn) {
	defer connection.Close()
	var message bytes.Buffer
	for {
		kind, reader, err := connection.NextReader()
		if err != nil {
			return
		}
		message.Reset()
		if _, err = message.ReadFrom(reader); err != nil {
			return
		}
		if err = connection.WriteMessage(kind, message.Bytes()); err != nil {
			return
		}
	}
}

func main() {
	if len(os.Args) != 2 && len(os.Args) != 4 {
		log.Fatalf("usage: %s PORT [CERTIFICATE KEY]", os.Args[0])
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	go func() {
		<-ended
		os.Exit(0)
	}()
	listener, err := net.Listen("tcp4", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if len(os.Args) == 4 {
		certificate, err := tls.LoadX509KeyPair(os.Args[2], os.Args[3])
		if err != nil {
			log.Fatal(err)
		}
		listener = tls.NewListener(listener, &tls.Config{
			Certificates:                []tls.Certificate{certificate},
			MinVersion:                  tls.VersionTLS13,
			DynamicRecordSizingDisabled: true,
		})
	}
	handler := func(response http.ResponseWriter, request *http.Request) {
		connection, err := upgrader.Upgrade(response, request, nil)
		if err == nil {
			go echo(connection)
		}
	}
	log.Fatal(http.Serve(listener, http.HandlerFunc(handler)))
}
