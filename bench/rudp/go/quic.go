package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

const protocol = "hamlet-bench"

// serveQuic answers the first stream of every connection.
func serveQuic(address string, ready func()) error {
	config, err := serverTLS(protocol)
	if err != nil {
		return err
	}
	listener, err := quic.ListenAddr(address, config, nil)
	if err != nil {
		return err
	}
	ready()
	for {
		connection, err := listener.Accept(context.Background())
		if err != nil {
			return err
		}
		go func() {
			stream, err := connection.AcceptStream(context.Background())
			if err != nil {
				return // The client is gone.
			}
			if answer(stream) == nil {
				_ = stream.Close()
			}
		}()
	}
}

func fetchQuic(ctx context.Context, address string, length uint64, body io.Writer) error {
	connection, err := quic.DialAddr(ctx, address, clientTLS(protocol), nil)
	if err != nil {
		return err
	}
	defer func() { _ = connection.CloseWithError(0, "") }()
	stream, err := connection.OpenStreamSync(ctx)
	if err != nil {
		return err
	}
	if deadline, has := ctx.Deadline(); has {
		_ = stream.SetDeadline(deadline)
	}
	if err := writeRequest(stream, length); err != nil {
		return err
	}
	return readBody(body, stream, length)
}

func serveHTTP3(address string, ready func()) error {
	config, err := serverTLS(http3.NextProtoH3)
	if err != nil {
		return err
	}
	socket, err := net.ListenPacket("udp", address)
	if err != nil {
		return err
	}
	server := http3.Server{TLSConfig: config, Handler: http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		length, err := strconv.ParseUint(strings.TrimPrefix(request.URL.Path, "/"), 10, 63)
		if err != nil {
			http.Error(response, "request /LENGTH", http.StatusNotFound)
			return
		}
		response.Header().Set("Content-Length", strconv.FormatUint(length, 10))
		_ = writeZeros(response, length)
	})}
	ready()
	return server.Serve(socket)
}

func fetchHTTP3(ctx context.Context, address string, length uint64, body io.Writer) error {
	client := &http3.Transport{TLSClientConfig: clientTLS(http3.NextProtoH3)}
	defer func() { _ = client.Close() }()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("https://%s/%d", address, length), nil)
	if err != nil {
		return err
	}
	response, err := client.RoundTrip(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	return readBody(body, response.Body, length)
}

// serverTLS creates a self-signed certificate; clients do not verify it.
func serverTLS(protocol string) (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}}, NextProtos: []string{protocol}}, nil
}

func clientTLS(protocol string) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}}
}
