// Echo server on lxzan/gws: an event API over one goroutine per connection, with its own listener and pools of buffers.
//
// Settings, and why: the server's own RunListener, which spares net/http; OnMessage echoes the pooled buffer and gives it back;
// messages are handled in the connection's goroutine (ParallelEnabled off: one core); no Recovery; no compression; UTF-8 is not
// checked, which is the package's default and, as it says, faster. 4 KiB read buffers, its default. Limits far above what is
// sent. GOMAXPROCS=1 (one core) and GOGC=400 come from peers.py.
package main

import (
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/lxzan/gws"
)

const messageBytesMax = 64 << 20

type echo struct{ gws.BuiltinEventHandler }

func (echo) OnPing(socket *gws.Conn, payload []byte) { _ = socket.WritePong(payload) }

func (echo) OnMessage(socket *gws.Conn, message *gws.Message) {
	_ = socket.WriteMessage(message.Opcode, message.Bytes())
	_ = message.Close()
}

func main() {
	if len(os.Args) != 2 {
		log.Fatalf("usage: %s PORT", os.Args[0])
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
	server := gws.NewServer(echo{}, &gws.ServerOption{
		ReadMaxPayloadSize:  messageBytesMax,
		WriteMaxPayloadSize: messageBytesMax,
	})
	server.OnError = func(connection net.Conn, _ error) {
		if connection != nil {
			_ = connection.Close()
		}
	}
	log.Fatal(server.RunListener(listener))
}
