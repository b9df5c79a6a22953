package web

import (
	"encoding/json"
	"errors"
	"net/http"
)

// maxMicrophone is how long the body of POST {Location}/microphone may be, in bytes.
const maxMicrophone = 1 << 10

// browserMicrophone serves POST {Location}/microphone.
func (s *Server) browserMicrophone(w http.ResponseWriter, r *http.Request) {
	_, l, err := s.legOf(r)
	if err != nil {
		writeProblem(w, err)
		return
	}
	var said struct {
		Lost *bool `json:"lost"`
	}
	err = json.NewDecoder(http.MaxBytesReader(w, r.Body, maxMicrophone)).Decode(&said)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		writeProblem(w, problem(http.StatusRequestEntityTooLarge, "", "The body has at most 1 kB.", "body"))
		return
	case err != nil || said.Lost == nil:
		writeProblem(w, problem(http.StatusUnprocessableEntity, "", "Say whether the microphone is lost: true or false.", "body.lost"))
		return
	}
	if l != nil {
		l.microphone(*said.Lost)
	}
	w.WriteHeader(http.StatusNoContent)
}
