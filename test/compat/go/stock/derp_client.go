package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"go4.org/mem"
	"tailscale.com/derp"
	"tailscale.com/derp/derphttp"
	"tailscale.com/net/netmon"
	"tailscale.com/tailcfg"
	"tailscale.com/types/key"
)

// derpClient logs in to one relay as a stock node does, by a relay map with one node, and reconnects as it does.
//
//	commands: send KEY HEX | ping | prefer true|false | quit
//	events:   key connected received gone present health restarting keepalive ping ponged lost failed
func derpClient(arguments []string) error {
	flags := flag.NewFlagSet("derp-client", flag.ExitOnError)
	host := flags.String("host", "127.0.0.1", "address of the relay")
	port := flags.Int("port", 443, "its TLS port")
	name := flags.String("name", "", "host name to send and verify; the address if it is empty")
	pin := flags.String("pin", "", `"sha256-raw:HEX" of the relay's certificate; without it any certificate will do`)
	private := flags.String("key", "", "private key in hex; a new one if it is empty")
	mesh := flags.String("mesh-key", "", "ask for the rights of a sibling relay with this key")
	old := flags.Bool("tls12", false, "at most TLS 1.2, which has no fast start")
	flags.Parse(arguments)

	own := key.NewNode()
	if *private != "" {
		if err := own.UnmarshalText([]byte("privkey:" + *private)); err != nil {
			return fmt.Errorf("--key: %w", err)
		}
	}
	node := &tailcfg.DERPNode{Name: "1", RegionID: 1, HostName: *name, IPv4: *host, IPv6: "none", DERPPort: *port,
		CertName: *pin, STUNPort: -1, InsecureForTests: *pin == ""}
	if node.HostName == "" {
		node.HostName = *host
	}
	if strings.Contains(*host, ":") {
		node.IPv4, node.IPv6 = "none", *host
	}
	region := &tailcfg.DERPRegion{RegionID: 1, RegionCode: "test", Nodes: []*tailcfg.DERPNode{node}}
	client := derphttp.NewRegionClient(own, log.Printf, netmon.NewStatic(), func() *tailcfg.DERPRegion { return region })
	client.SetCanAckPings(true)
	if *old {
		client.TLSConfig = &tls.Config{MaxVersion: tls.VersionTLS12}
	}
	if *mesh != "" {
		meshKey, err := key.ParseDERPMesh(*mesh)
		if err != nil {
			return fmt.Errorf("--mesh-key: %w", err)
		}
		client.MeshKey = meshKey
		client.WatchConnectionChanges = true
	}
	report("key", fields{"key": own.Public().UntypedHexString()})
	go receive(client)
	return obey(client, os.Stdin)
}

func receive(client *derphttp.Client) {
	const retry = 100 * time.Millisecond // magicsock begins with 10 ms and ends at 5 s
	generation := 0
	for {
		message, itsGeneration, err := client.RecvDetail()
		switch {
		case errors.Is(err, derphttp.ErrClientClosed):
			return
		case err != nil:
			report("lost", fields{"error": err.Error()})
			time.Sleep(retry)
			continue
		}
		if itsGeneration != generation {
			generation = itsGeneration
			report("connected", connection(client, generation))
		}
		switch message := message.(type) {
		case derp.ReceivedPacket:
			report("received", fields{"from": message.Source.UntypedHexString(), "hex": hex.EncodeToString(message.Data)})
		case derp.PeerGoneMessage:
			report("gone", fields{"peer": message.Peer.UntypedHexString(), "reason": int(message.Reason)})
		case derp.PeerPresentMessage:
			report("present", fields{"peer": message.Key.UntypedHexString(), "address": message.IPPort.String(),
				"flags": int(message.Flags)})
		case derp.HealthMessage:
			report("health", fields{"problem": message.Problem})
		case derp.ServerRestartingMessage:
			report("restarting", fields{"in": message.ReconnectIn.Seconds(), "for": message.TryFor.Seconds()})
		case derp.KeepAliveMessage:
			report("keepalive", nil)
		case derp.PingMessage:
			report("ping", fields{"data": hex.EncodeToString(message[:])})
			go client.SendPong(message) // magicsock does it in a goroutine too: a Send may hold the lock
		}
	}
}

// connection tells what this login was like. The first message after a login is ServerInfo.
func connection(client *derphttp.Client, generation int) fields {
	more := fields{"generation": generation, "server": client.ServerPublicKey().UntypedHexString()}
	if state, ok := client.TLSConnectionState(); ok {
		names := []string{}
		for _, certificate := range state.PeerCertificates {
			names = append(names, certificate.Subject.CommonName)
		}
		more["tls"] = fmt.Sprintf("1.%d", state.Version-0x0301)
		more["certificates"] = names
	}
	return more
}

func obey(client *derphttp.Client, input io.Reader) error {
	defer client.Close()
	lines := bufio.NewScanner(input)
	lines.Buffer(nil, 1<<20) // a packet of 64 KiB in hex, and more
	for lines.Scan() {
		words := strings.Split(lines.Text(), " ")
		var err error
		switch {
		case len(words) == 3 && words[0] == "send":
			err = send(client, words[1], words[2])
		case len(words) == 1 && words[0] == "ping":
			started := time.Now()
			if err = client.Ping(context.Background()); err == nil {
				report("ponged", fields{"seconds": time.Since(started).Seconds()})
			}
		case len(words) == 2 && words[0] == "prefer":
			client.NotePreferred(words[1] == "true")
		case len(words) == 1 && words[0] == "quit":
			return nil
		default:
			err = errors.New("unknown command")
		}
		if err != nil {
			report("failed", fields{"command": words, "error": err.Error()})
		}
	}
	return lines.Err()
}

func send(client *derphttp.Client, to, text string) error {
	peer, err := key.ParseNodePublicUntyped(mem.S(to))
	if err != nil {
		return err
	}
	packet, err := hex.DecodeString(text)
	if err != nil {
		return err
	}
	return client.Send(peer, packet)
}
