package main

import (
	"context"
	"io"

	"github.com/xtaci/kcp-go/v5"
)

// The "fast" mode of KCP's README: an update every 10 ms, retransmission after two duplicate ACKs, and no congestion control.
const (
	kcpWindow   = 1024
	kcpInterval = 10
	kcpResend   = 2
	kcpMTU      = 1400
)

func serveKCP(address string, ready func()) error {
	listener, err := kcp.ListenWithOptions(address, nil, 0, 0)
	if err != nil {
		return err
	}
	ready()
	for {
		session, err := listener.AcceptKCP()
		if err != nil {
			return err
		}
		setFast(session)
		go func() { _ = answer(session) }()
	}
}

func fetchKCP(ctx context.Context, address string, length uint64, body io.Writer) error {
	session, err := kcp.DialWithOptions(address, nil, 0, 0)
	if err != nil {
		return err
	}
	defer func() { _ = session.Close() }()
	setFast(session)
	if deadline, has := ctx.Deadline(); has {
		_ = session.SetDeadline(deadline)
	}
	if err := writeRequest(session, length); err != nil {
		return err
	}
	return readBody(body, session, length)
}

func setFast(session *kcp.UDPSession) {
	session.SetStreamMode(true)
	session.SetNoDelay(1, kcpInterval, kcpResend, 1)
	session.SetWindowSize(kcpWindow, kcpWindow)
	session.SetMtu(kcpMTU)
}
