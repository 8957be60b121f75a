package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"time"

	"tailscale.com/net/stun"
)

// stunRequest asks a server once, as a stock client does, and checks the answer as it does.
func stunRequest(arguments []string) error {
	flags := flag.NewFlagSet("stun", flag.ExitOnError)
	server := flags.String("server", "127.0.0.1:3478", "address and port")
	wait := flags.Duration("wait", 3*time.Second, "for the answer")
	flags.Parse(arguments)

	connection, err := net.Dial("udp", *server)
	if err != nil {
		return err
	}
	defer connection.Close()
	id := stun.NewTxID()
	started := time.Now()
	if _, err := connection.Write(stun.Request(id)); err != nil {
		return err
	}
	buffer := make([]byte, 1500)
	connection.SetReadDeadline(started.Add(*wait))
	length, err := connection.Read(buffer)
	if err != nil {
		return err
	}
	answered, mapped, err := stun.ParseResponse(buffer[:length])
	if err != nil {
		return fmt.Errorf("answer of %d bytes: %w", length, err)
	}
	if answered != id {
		return errors.New("answer to another request")
	}
	report("mapped", fields{"address": mapped.String(), "local": connection.LocalAddr().String(),
		"seconds": time.Since(started).Seconds(), "bytes": length})
	return nil
}
