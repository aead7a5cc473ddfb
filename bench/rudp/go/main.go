// Command peers provides the competitors of the RUDP benchmark: QUIC and HTTP/3 from quic-go, and KCP from kcp-go, configured as their
// authors recommend for bulk data. A request of 8 bytes, a length as a big-endian number, is answered with that many zeros; in HTTP/3
// the request is /LENGTH.
//
//	peers serve quic|h3|kcp ADDRESS
//	peers fetch quic|h3|kcp ADDRESS BYTES            the body goes to stdout
//	peers pages quic|h3|kcp ADDRESS BYTES COUNT      each on a new connection; prints the times in ms as JSON, null: not within 20 s
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

const pageTimeout = 20 * time.Second

// A transport serves until it fails, and fetches each body on a new connection, which it closes afterwards.
type transport struct {
	serve func(address string, ready func()) error
	fetch func(ctx context.Context, address string, length uint64, body io.Writer) error
}

var transports = map[string]transport{
	"quic": {serveQuic, fetchQuic},
	"h3":   {serveHTTP3, fetchHTTP3},
	"kcp":  {serveKCP, fetchKCP},
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "peers: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 3 {
		return errors.New("usage: peers serve|fetch|pages quic|h3|kcp ADDRESS [BYTES [COUNT]]")
	}
	peer, known := transports[args[1]]
	if !known {
		return fmt.Errorf("%q is not one of quic, h3, kcp", args[1])
	}
	numbers := make([]uint64, 0, 2)
	for _, text := range args[3:] {
		number, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return err
		}
		numbers = append(numbers, number)
	}
	switch {
	case args[0] == "serve":
		return peer.serve(args[2], func() { fmt.Println("ready") })
	case args[0] == "fetch" && len(numbers) == 1:
		return peer.fetch(context.Background(), args[2], numbers[0], os.Stdout)
	case args[0] == "pages" && len(numbers) == 2:
		return pages(peer, args[2], numbers[0], numbers[1])
	}
	return fmt.Errorf("%s: unknown command, or missing numbers", args[0])
}

func pages(peer transport, address string, length, count uint64) error {
	times := make([]*float64, count)
	for index := range times {
		ctx, cancel := context.WithTimeout(context.Background(), pageTimeout)
		began := time.Now()
		if err := peer.fetch(ctx, address, length, io.Discard); err == nil {
			ms := float64(time.Since(began).Microseconds()) / 1000
			times[index] = &ms
		}
		cancel()
	}
	return json.NewEncoder(os.Stdout).Encode(times)
}

func writeRequest(stream io.Writer, length uint64) error {
	return binary.Write(stream, binary.BigEndian, length)
}

// answer reads a request and writes the body that it asks for.
func answer(stream io.ReadWriter) error {
	var length uint64
	if err := binary.Read(stream, binary.BigEndian, &length); err != nil {
		return err
	}
	return writeZeros(stream, length)
}

func writeZeros(to io.Writer, length uint64) error {
	_, err := io.CopyN(to, zeros{}, int64(length))
	return err
}

type zeros struct{}

func (zeros) Read(bytes []byte) (int, error) {
	clear(bytes)
	return len(bytes), nil
}

// readBody reads exactly length bytes.
func readBody(body io.Writer, from io.Reader, length uint64) error {
	_, err := io.CopyN(body, from, int64(length))
	return err
}
