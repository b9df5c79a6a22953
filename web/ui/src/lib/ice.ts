// ICE servers as the server tells of them.

/**
 * The servers in the Link fields of our answer (RFC 9725, 4.6), in the form and
 * order that the server writes them. fetch joins the fields by commas.
 */
export function iceServers(link: string | null): RTCIceServer[] {
  const fields = (link ?? '').matchAll(/<([^>]+)>; rel="ice-server"(?:; username="([^"]*)"; credential="([^"]*)")?/g);
  return [...fields].map(([, urls = '', username, credential]) => ({ urls, username, credential }));
}

/** Makes servers those of a peer, before it looks for its addresses. */
export function useServers(peer: RTCPeerConnection, servers: RTCIceServer[]): void {
  peer.setConfiguration({ ...peer.getConfiguration(), iceServers: servers });
}
