package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"tailscale.com/client/local"
	"tailscale.com/tsnet"
)

const (
	joinTimeout  = 60 * time.Second
	fetchTimeout = 30 * time.Second
)

// node runs a stock node inside this process, without a device. It serves HTTP on port 80 of its addresses inside, and tells
// in one line who asked.
func node(arguments []string) error {
	flags := flag.NewFlagSet("node", flag.ExitOnError)
	server := new(tsnet.Server)
	flags.StringVar(&server.ControlURL, "control", "", "URL of the coordination server")
	flags.StringVar(&server.AuthKey, "auth-key", "", "only for the first start with this directory")
	flags.StringVar(&server.Hostname, "name", "", "host name to ask for")
	flags.StringVar(&server.Dir, "state", "", "directory for what outlives a restart")
	flags.BoolVar(&server.Ephemeral, "ephemeral", false, "log out when it ends")
	flags.Parse(arguments)
	server.Logf = log.Printf
	server.UserLogf = log.Printf

	joining, cancel := context.WithTimeout(context.Background(), joinTimeout)
	defer cancel()
	started := time.Now()
	status, err := server.Up(joining)
	if err != nil {
		server.Close()
		return fmt.Errorf("join %s: %w", server.ControlURL, err)
	}
	client, err := server.LocalClient()
	if err != nil {
		return err
	}
	if err := serveWho(server, client); err != nil {
		return err
	}
	report("up", fields{"seconds": time.Since(started).Seconds(), "addresses": status.TailscaleIPs})
	err = heed(server, client)
	return errors.Join(err, server.Close())
}

func serveWho(server *tsnet.Server, client *local.Client) error {
	listener, err := server.Listen("tcp", ":80")
	if err != nil {
		return err
	}
	go http.Serve(listener, http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		who, err := client.WhoIs(request.Context(), request.RemoteAddr)
		if err != nil {
			http.Error(answer, err.Error(), http.StatusForbidden)
			return
		}
		fmt.Fprintf(answer, "%s sees %s of %s\n", server.Hostname, who.Node.Name, who.UserProfile.LoginName)
	}))
	return nil
}

// heed does what standard input says until it ends.
func heed(server *tsnet.Server, client *local.Client) error {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		background := context.Background()
		switch {
		case words[0] == "status" && len(words) == 1:
			status, err := client.Status(background)
			answer("status", err, fields{"status": status})
		case words[0] == "fetch" && len(words) == 2:
			body, err := fetch(server.HTTPClient(), words[1])
			answer("fetched", err, fields{"body": body})
		case words[0] == "logout" && len(words) == 1:
			answer("logged-out", client.Logout(background), nil)
		case words[0] == "quit":
			return nil
		default:
			return fmt.Errorf("no such command: %s", lines.Text())
		}
	}
	return lines.Err()
}

// answer reports one command's outcome.
func answer(event string, err error, more fields) {
	if err != nil {
		more = fields{"error": err.Error()}
	}
	report(event, more)
}

func fetch(client *http.Client, url string) (string, error) {
	client.Timeout = fetchTimeout
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", url, response.Status)
	}
	body, err := io.ReadAll(response.Body)
	return string(body), err
}
