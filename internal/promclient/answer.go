package promclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// maxPage bounds what is read of a page that is no result.
const maxPage = 64 << 10

// readResponse tells results from errors, as Prometheus' own client does.
func readResponse(ctx context.Context, response *http.Response, each func(*model.SampleStream)) (v1.Warnings, error) {
	if response.StatusCode/100 == 2 {
		return readAnswer(&body{ctx: ctx, from: response.Body, left: maxAnswer}, each)
	}
	page, err := io.ReadAll(io.LimitReader(&body{ctx: ctx, from: response.Body, left: maxAnswer}, maxPage))
	if err != nil {
		return nil, err
	}
	return readRefusal(response.StatusCode, page)
}

// refusal is Prometheus' answer to what it does not do.
type refusal struct {
	Status    string       `json:"status"`
	ErrorType v1.ErrorType `json:"errorType"`
	Error     string       `json:"error"`
	Warnings  v1.Warnings  `json:"warnings"`
}

// readRefusal reads the body of an answer with a status that says it is none.
func readRefusal(code int, page []byte) (v1.Warnings, error) {
	plain := &v1.Error{Type: v1.ErrBadResponse, Msg: fmt.Sprintf("bad response code %d", code), Detail: string(page)}
	switch code / 100 {
	case 4:
		plain.Type, plain.Msg = v1.ErrClient, fmt.Sprintf("client error: %d", code)
	case 5:
		plain.Type, plain.Msg = v1.ErrServer, fmt.Sprintf("server error: %d", code)
	}
	if code != http.StatusUnprocessableEntity && code != http.StatusBadRequest { // which Prometheus sends with an error of its own
		return nil, plain
	}
	var r refusal
	if json.Unmarshal(page, &r) != nil {
		return nil, plain
	}
	if r.Status == "success" {
		return r.Warnings, &v1.Error{Type: v1.ErrBadResponse, Msg: "inconsistent body for response code"}
	}
	if r.ErrorType != "" {
		plain.Type = r.ErrorType
	}
	if r.Error != "" {
		plain.Msg = r.Error
	}
	plain.Detail = ""
	return r.Warnings, plain
}

// matrix is the type of raw samples.
const matrix = "matrix"

// answer is what an answer is read into.
type answer struct {
	decoder
	status, errorType, message string
	warnings                   v1.Warnings
	// kind is the type of the result; it may be told after the result, which is then kept in late.
	kind   string
	late   jsontext.Value
	result bool
	each   func(*model.SampleStream)
}

// readAnswer reads an answer with a status that says it is one.
func readAnswer(from io.Reader, each func(*model.SampleStream)) (v1.Warnings, error) {
	a := &answer{decoder: newDecoder(from), each: each}
	err := a.envelope()
	if err != nil {
		return a.warnings, badResponse(err)
	}
	if a.status == "error" {
		return a.warnings, &v1.Error{Type: v1.ErrorType(a.errorType), Msg: a.message}
	}
	if !a.result {
		return a.warnings, errors.New("the answer holds no result; is this address Prometheus?")
	}
	switch a.kind {
	case matrix:
		return a.warnings, nil
	case model.ValVector.String(), model.ValScalar.String(), model.ValString.String():
		return a.warnings, fmt.Errorf("the answer is a %s where samples were asked for", a.kind)
	}
	return a.warnings, &v1.Error{Type: v1.ErrBadResponse, Msg: fmt.Sprintf("unknown value type %q", a.kind)}
}

// badResponse makes an error of the client's kind out of what is wrong with JSON; that it could not be read is left as it is.
func badResponse(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.EOF), errors.As(err, &syntax) && errors.Is(err, io.ErrUnexpectedEOF):
		return &v1.Error{Type: v1.ErrBadResponse, Msg: "unexpected end of JSON input"}
	case errors.As(err, &syntax):
		return &v1.Error{Type: v1.ErrBadResponse, Msg: syntax.Err.Error()}
	}
	var wrong *valueError
	if errors.As(err, &wrong) {
		return &v1.Error{Type: v1.ErrBadResponse, Msg: wrong.Error()}
	}
	return err
}

// envelope reads the outermost object, to the end of the body.
func (a *answer) envelope() error {
	err := a.object(func(name string) error {
		var err error
		switch name {
		case "status":
			a.status, err = a.text()
		case "errorType":
			a.errorType, err = a.text()
		case "error":
			a.message, err = a.text()
		case "warnings":
			a.warnings, err = a.texts()
		case "data":
			err = a.data()
		default:
			err = a.in.SkipValue()
		}
		return err
	})
	if err != nil {
		return err
	}
	if _, err := a.in.ReadToken(); !errors.Is(err, io.EOF) {
		if err == nil {
			err = &valueError{"something follows the answer"}
		}
		return err
	}
	return nil
}

func (a *answer) data() error {
	err := a.object(func(name string) error {
		switch name {
		case "resultType":
			var err error
			a.kind, err = a.text()
			a.result = true
			return err
		case "result":
			a.result = true
			switch a.kind {
			case matrix:
				return a.matrix(a.each)
			case "":
				late, err := a.in.ReadValue()
				a.late = late.Clone()
				return err
			}
		}
		return a.in.SkipValue()
	})
	if err != nil || a.late == nil || a.kind != matrix {
		return err
	}
	late := newDecoder(bytes.NewReader(a.late))
	return late.matrix(a.each)
}
