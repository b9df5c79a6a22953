package web

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"pickup/queue"
)

// metrics are the figures of this edge and of the queues.
type metrics struct {
	requests *prometheus.HistogramVec
	signIns  *prometheus.CounterVec
	streams  prometheus.Gauge
	browser  *prometheus.CounterVec
	handler  http.Handler
}

func newMetrics(figures []Figure, domain *queue.Domain) (*metrics, error) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, f := range figures {
		if err := reg.Register(f.collector()); err != nil {
			return nil, fmt.Errorf("metric %s: %w", f.Name, err)
		}
	}
	m := &metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "pickup_http_request_seconds", Help: "Duration of HTTP requests by method and status; streams when they end.",
			Buckets: []float64{.001, .005, .02, .1, .5, 2, 10},
		}, []string{"method", "status"}),
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pickup_sign_ins_total", Help: "Sign-ins to the console by result.",
		}, []string{"result"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pickup_http_event_streams", Help: "Open streams of live events.",
		}),
		browser: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pickup_browser_calls_total", Help: "Requests for a call from a browser by status.",
		}, []string{"status"}),
		handler: promhttp.HandlerFor(reg, promhttp.HandlerOpts{}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.signIns, m.streams, m.browser} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	if domain == nil {
		return m, nil
	}
	return m, reg.Register(newQueueCollector(domain))
}

// timed measures requests.
func (m *metrics) timed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, seen := time.Now(), &statusWriter{ResponseWriter: w}
		next.ServeHTTP(seen, r)
		m.requests.WithLabelValues(methodLabel(r.Method), strconv.Itoa(max(seen.status, http.StatusOK))).Observe(time.Since(start).Seconds())
	})
}

// methodLabel keeps methods that anybody may invent out of the metrics.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "other"
	}
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach what is below: flush, deadlines, hijack.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// queueCollector reads queues and agents when it is asked.
type queueCollector struct {
	domain                   *queue.Domain
	waiting, longest, agents *prometheus.Desc
}

func newQueueCollector(d *queue.Domain) *queueCollector {
	return &queueCollector{
		domain:  d,
		waiting: prometheus.NewDesc("pickup_queue_waiting", "Entries that wait, by queue.", []string{"queue"}, nil),
		longest: prometheus.NewDesc("pickup_queue_longest_wait_seconds", "Longest wait at this moment, by queue.", []string{"queue"}, nil),
		agents:  prometheus.NewDesc("pickup_agents", "Agents by state.", []string{"state"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *queueCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.waiting
	ch <- c.longest
	ch <- c.agents
}

// Collect implements prometheus.Collector.
func (c *queueCollector) Collect(ch chan<- prometheus.Metric) {
	for _, q := range c.domain.Queues() {
		ch <- prometheus.MustNewConstMetric(c.waiting, prometheus.GaugeValue, float64(q.Waiting), q.Config.Name)
		ch <- prometheus.MustNewConstMetric(c.longest, prometheus.GaugeValue, q.LongestWait.Seconds(), q.Config.Name)
	}
	states := map[queue.AgentState]float64{
		queue.AgentOffline: 0, queue.AgentNotReady: 0, queue.AgentReady: 0, queue.AgentReserved: 0, queue.AgentConnecting: 0,
		queue.AgentTalking: 0, queue.AgentHolding: 0, queue.AgentWrapUp: 0, queue.AgentUnreachable: 0,
	}
	for _, a := range c.domain.Agents() {
		states[a.State]++
	}
	for state, n := range states {
		ch <- prometheus.MustNewConstMetric(c.agents, prometheus.GaugeValue, n, string(state))
	}
}

// collector is a figure as Prometheus reads it.
func (f Figure) collector() prometheus.Collector {
	if f.Total {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: f.Name, Help: f.Help}, f.Value)
	}
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: f.Name, Help: f.Help}, f.Value)
}
