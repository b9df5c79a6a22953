package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"pickup/internal/filestore"
	"pickup/internal/id"
	"pickup/internal/safefile"
	"pickup/store"
	"pickup/ticket"
	"pickup/ticket/chat"
)

const (
	maxUpload   = 10 << 20 // bytes of a file
	uploadLimit = 2 * time.Minute
)

// Files keeps the rows of uploaded files.
type Files interface {
	Desk(ctx context.Context, act func(ticket.DeskTx) error) error
	Attachment(ctx context.Context, id string) (store.AttachmentDetail, error)
}

func (s *Server) chatFileOperations(api huma.API, mux *patternMux) {
	const one = "/w/v1/chats/{id}/files"
	params := []*huma.Param{text("path", "id", "Of the conversation.", true), text("header", "Authorization", "Bearer and the page's token.", true)}
	add := func(a act, handler http.HandlerFunc, params []*huma.Param, contents map[string]string) {
		a.tag = "chat"
		describePlain(api, a, params, contents)
		mux.HandleFunc(a.method+" "+a.path, handler)
	}
	add(act{id: "upload-chat-file", method: http.MethodPost, path: one, summary: "Upload a file (multipart/form-data, field file, 10 MB at most) for " +
		"a message: JPEG, PNG and GIF are made anew from their pixels, PDF and plain text are kept, others are refused. Answers {id, name, mime, size}."},
		s.visitorUploads, params, map[string]string{"201": "application/json"})
	add(act{id: "get-chat-file", method: http.MethodGet, path: one + "/{file}", summary: "A file of the conversation"},
		s.visitorReads, append([]*huma.Param{text("path", "file", "Of a message.", true)}, params...), map[string]string{"200": "application/octet-stream"})
}

func (s *Server) fileOperations(api huma.API, mux *patternMux) {
	upload := act{
		id: "upload-file", method: http.MethodPost, path: "/api/v1/files", tag: "files", rule: agentOrManage,
		summary: "Upload a file (multipart/form-data, field file, 10 MB at most) for a message: as in a chat. Answers {id, name, mime, size}.",
	}
	describePlain(api, upload, nil, map[string]string{"201": "application/json"})
	mux.Handle("POST "+upload.path, guarded(upload.rule, s.agentUploads))
	get := act{
		id: "get-file", method: http.MethodGet, path: "/api/v1/files/{id}", tag: "files", rule: everyone,
		summary: "A file of a message; an agent reads those of his tickets and conversations, and what he uploaded",
	}
	describePlain(api, get, []*huma.Param{text("path", "id", "Of the file.", true)}, map[string]string{"200": "application/octet-stream"})
	mux.Handle("GET "+get.path, guarded(get.rule, s.agentReads))
}

// visitorUploads serves POST /w/v1/chats/{id}/files.
func (s *Server) visitorUploads(w http.ResponseWriter, r *http.Request) {
	chatID := r.PathValue("id")
	if _, err := s.visitor(r.Context(), chatID, r.Header.Get("Authorization")); err != nil {
		writeProblem(w, err)
		return
	}
	c, err := s.parts.Chats.Conversation(r.Context(), chatID)
	if err == nil && c.State == chat.StateEnded {
		err = chat.ErrEnded
	}
	if err != nil {
		writeProblem(w, s.failChat(r.Context(), "read a chat", err))
		return
	}
	s.takeUpload(w, r, chatID)
}

func (s *Server) agentUploads(w http.ResponseWriter, r *http.Request) {
	s.takeUpload(w, r, string(who(r.Context()).user.ID))
}

// takeUpload keeps the file of a request for its owner.
func (s *Server) takeUpload(w http.ResponseWriter, r *http.Request, owner string) {
	a, err := s.upload(w, r, owner)
	if err != nil {
		writeProblem(w, err)
		return
	}
	sendJSON(w, http.StatusCreated, showFile(&a))
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request, owner string) (ticket.Attachment, error) {
	ctx := r.Context()
	none := ticket.Attachment{}
	if s.parts.Files == nil {
		return none, problem(http.StatusServiceUnavailable, "", "Files are not kept here.", "")
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(uploadLimit)) // a recorder in tests has none
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload+64<<10)
	part, err := filePart(r)
	if err != nil {
		return none, tooLarge(err, problem(http.StatusUnprocessableEntity, "", "One file, as multipart/form-data in the field file.", "body.file"))
	}
	raw, err := io.ReadAll(io.LimitReader(part, maxUpload+1))
	if err != nil {
		return none, tooLarge(err, problem(http.StatusBadRequest, "", "The file was cut off.", "body.file"))
	}
	if len(raw) > maxUpload {
		return none, problem(http.StatusRequestEntityTooLarge, "", "A file has at most 10 MB.", "body.file")
	}
	file, err := safefile.Clean(raw)
	switch {
	case errors.Is(err, safefile.ErrKind):
		return none, problem(http.StatusUnsupportedMediaType, "", "Pictures (JPEG, PNG, GIF), PDF and plain text are taken.", "body.file")
	case errors.Is(err, safefile.ErrPicture):
		return none, problem(http.StatusUnprocessableEntity, "", "The picture cannot be read, or is too large.", "body.file")
	case err != nil:
		return none, s.fail(ctx, "clean a file", err)
	}
	sha, size, err := s.parts.Files.Put(bytes.NewReader(file.Data), maxCleaned)
	if err != nil {
		return none, s.fail(ctx, "keep a file", err)
	}
	a := ticket.Attachment{
		ID: id.New(), Name: named(part.FileName(), file.MIME), MIME: file.MIME, Size: size, SHA256: sha, OwnerID: owner, CreatedAt: time.Now(),
	}
	err = s.parts.Store.Desk(ctx, func(tx ticket.DeskTx) error { return tx.AddAttachment(ctx, a) })
	if err != nil {
		return none, s.fail(ctx, "keep a file", err)
	}
	return a, nil
}

// maxCleaned is how large a picture may be that was made anew.
const maxCleaned = 4 * maxUpload

// tooLarge names a body above the limit; any other fault is otherwise.
func tooLarge(err, otherwise error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return problem(http.StatusRequestEntityTooLarge, "", "A file has at most 10 MB.", "body.file")
	}
	return otherwise
}

// filePart finds the file in a form.
func filePart(r *http.Request) (*multipart.Part, error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, err
	}
	for {
		p, err := parts.NextPart()
		if err != nil || p.FormName() == "file" {
			return p, err
		}
	}
}

// named gives a file the name its kind asks for.
func named(sent, kind string) string {
	name := safefile.Name(sent)
	end := map[string]string{
		"image/jpeg": ".jpg", "image/png": ".png", "application/pdf": ".pdf", "text/plain; charset=utf-8": ".txt",
	}[kind]
	lower := strings.ToLower(name)
	if strings.HasSuffix(lower, end) || kind == "image/jpeg" && strings.HasSuffix(lower, ".jpeg") {
		return name
	}
	if dot := strings.LastIndexByte(name, '.'); dot > 0 {
		name = name[:dot]
	}
	return name + end
}

// visitorReads serves GET /w/v1/chats/{id}/files/{file}.
func (s *Server) visitorReads(w http.ResponseWriter, r *http.Request) {
	chatID := r.PathValue("id")
	if _, err := s.visitor(r.Context(), chatID, r.Header.Get("Authorization")); err != nil {
		writeProblem(w, err)
		return
	}
	f, err := s.parts.Store.Attachment(r.Context(), r.PathValue("file"))
	if err == nil && (f.InteractionID != chatID && f.Attachment.OwnerID != chatID || f.Kind == ticket.MessageNote) {
		err = store.ErrNotFound
	}
	if err != nil {
		writeProblem(w, s.fail(r.Context(), "read a file", err))
		return
	}
	s.sendFile(w, r, f)
}

// agentReads serves GET /api/v1/files/{id}.
func (s *Server) agentReads(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	f, err := s.parts.Store.Attachment(ctx, r.PathValue("id"))
	if err != nil {
		writeProblem(w, s.fail(ctx, "read a file", err))
		return
	}
	if err := s.mayReadFile(ctx, &f); err != nil {
		writeProblem(w, err)
		return
	}
	s.sendFile(w, r, f)
}

// sendFile serves the bytes of a file so that no browser runs or shows it as a
// page of ours.
func (s *Server) sendFile(w http.ResponseWriter, r *http.Request, f store.AttachmentDetail) {
	if s.parts.Files == nil {
		writeProblem(w, problem(http.StatusNotFound, "", "Files are not kept here.", ""))
		return
	}
	data, size, err := s.parts.Files.Get(f.Attachment.SHA256)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, filestore.ErrName) {
			err = store.ErrNotFound
		}
		writeProblem(w, s.fail(r.Context(), "read a file", err))
		return
	}
	defer data.Close() //nolint:errcheck // read only
	h := w.Header()
	h.Set("Content-Type", f.Attachment.MIME)
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.Attachment.Name}))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cache-Control", "private, no-store")
	http.ServeContent(w, r, "", time.Time{}, data)
}
