// Go's net/http.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	url, body := os.Args[1], os.Args[2]
	for _, path := range []string{"/ask", "/ask", "/ask/stream"} {
		tell(http.Post(url+path, "application/json", strings.NewReader(body)))
	}
	tell(http.Head(url + "/livez"))
}

func tell(response *http.Response, err error) {
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		panic(err)
	}
	fmt.Println(response.StatusCode, strings.ReplaceAll(string(text), "\n", " "))
}
