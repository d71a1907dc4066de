// vcsim serves govmomi's vCenter simulator on loopback over TLS. Accounts and passwords change while it runs.
//
// Orders come as JSON, one a line, over a UNIX socket; each is answered with one line:
//
//	{"accounts": {"user": ["password", …]}}   the accounts there are from now on, with every password that is good
//	{"terminate": ["user", …]}                end the sessions of these users, as a revocation does
//	{}                                        nothing; the answer tells where the server listens and who logged in
//
// Passwords are never arguments and never logged. SIGTERM ends the program.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"sync"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/session"
	"github.com/vmware/govmomi/simulator"
	_ "github.com/vmware/govmomi/vapi/simulator" // serves the REST endpoints
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// operator is who ends the sessions of others; its password is known to this process only.
const operator = "vcsim-operator"

// order is one line of standard input.
type order struct {
	Accounts  map[string][]string `json:"accounts"`
	Terminate []string            `json:"terminate"`
}

// accounts decides who may log in.
type accounts struct {
	mu        sync.Mutex
	passwords map[string][]string
	logins    map[string]int
}

func (a *accounts) set(passwords map[string][]string, own string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.passwords = map[string][]string{operator: {own}}
	for user, good := range passwords {
		a.passwords[user] = good
	}
}

func (a *accounts) valid(login *types.Login) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, password := range a.passwords[login.UserName] {
		if subtle.ConstantTimeCompare([]byte(password), []byte(login.Password)) == 1 {
			a.logins[login.UserName]++
			return true
		}
	}
	return false
}

func (a *accounts) counted() map[string]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	found := map[string]int{}
	for user, count := range a.logins {
		if user != operator {
			found[user] = count
		}
	}
	return found
}

func main() {
	certificate := flag.String("cert", "", "PEM file of the server's certificate chain")
	key := flag.String("key", "", "PEM file of its key")
	control := flag.String("control", "", "path of the UNIX socket for orders")
	flag.Parse()
	if err := serve(*certificate, *key, *control); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(certificate, key, control string) error {
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return err
	}
	secret := make([]byte, 16)
	if _, err := rand.Read(secret); err != nil {
		return err
	}
	own := hex.EncodeToString(secret)
	known := &accounts{logins: map[string]int{}}
	known.set(nil, own)

	model := simulator.VPX()
	defer model.Remove()
	if err := model.Create(); err != nil {
		return err
	}
	model.Service.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	model.Service.Listen = &url.URL{Host: "127.0.0.1:0", User: url.UserPassword(operator, own)}
	model.Service.RegisterEndpoints = true
	model.Map().SessionManager().ValidLogin = known.valid
	server := model.Service.NewServer()
	defer server.Close()

	listener, err := net.Listen("unix", control)
	if err != nil {
		return err
	}
	defer listener.Close()
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		// One at a time: an order is carried out when its answer is there.
		if err := obey(connection, server.URL, known, own); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}

// obey carries out the orders of one connection. Its errors hold nothing of them.
func obey(connection net.Conn, address *url.URL, known *accounts, own string) error {
	defer connection.Close()
	answers := json.NewEncoder(connection)
	orders := bufio.NewScanner(connection)
	for orders.Scan() {
		var next order
		if err := json.Unmarshal(orders.Bytes(), &next); err != nil {
			return errors.New("an order is no JSON")
		}
		if next.Accounts != nil {
			known.set(next.Accounts, own)
		}
		if len(next.Terminate) > 0 {
			if err := terminate(address, own, next.Terminate); err != nil {
				return fmt.Errorf("ending sessions: %T", err)
			}
		}
		if err := answers.Encode(map[string]any{"address": address.Host, "logins": known.counted()}); err != nil {
			return err
		}
	}
	return orders.Err()
}

// terminate ends sessions as an administrator does.
func terminate(address *url.URL, own string, users []string) error {
	ctx := context.Background()
	target := *address
	target.User = url.UserPassword(operator, own)
	client, err := govmomi.NewClient(ctx, &target, true)
	if err != nil {
		return err
	}
	defer func() { _ = client.Logout(ctx) }()
	var manager mo.SessionManager
	if err := client.RetrieveOne(ctx, *client.ServiceContent.SessionManager, []string{"sessionList"}, &manager); err != nil {
		return err
	}
	var keys []string
	for _, open := range manager.SessionList {
		if slices.Contains(users, open.UserName) {
			keys = append(keys, open.Key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return session.NewManager(client.Client).TerminateSession(ctx, keys)
}
