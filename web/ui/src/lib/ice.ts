// ICE servers as the server tells of them.

/**
 * The servers in the Link fields of an answer (RFC 9725, 4.6). fetch joins the
 * fields by commas; neither a URL nor a credential of ours has one.
 */
export function iceServers(link: string | null): RTCIceServer[] {
  const found: RTCIceServer[] = [];
  for (const field of (link ?? '').split(',')) {
    const url = /^\s*<([^>]+)>/.exec(field)?.[1];
    const rest = new Map([...field.matchAll(/;\s*([\w-]+)="([^"]*)"/g)].map((m) => [m[1], m[2]]));
    if (!url || rest.get('rel') !== 'ice-server') continue;
    const username = rest.get('username');
    found.push(username === undefined ? { urls: url } : { urls: url, username, credential: rest.get('credential') ?? '' });
  }
  return found;
}

/**
 * Makes servers those of a peer, before it looks for its addresses. What a
 * browser does not understand is left out: the call may do without.
 */
export function useServers(peer: RTCPeerConnection, servers: RTCIceServer[]): void {
  if (servers.length === 0) return;
  try {
    peer.setConfiguration({ ...peer.getConfiguration(), iceServers: servers });
  } catch {
    // a URL that this browser does not know
  }
}
