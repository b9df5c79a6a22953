/** What the server may speak (media.browser_codecs), in the order of our offer. It decides. */
const WANTED = ['audio/opus', 'audio/pcma', 'audio/pcmu', 'audio/telephone-event'];

/** Of all that the browser can, the formats that the server may speak: a short offer. */
export function wanted<C extends { mimeType: string }>(known: readonly C[]): C[] {
  return WANTED.flatMap((w) => known.filter((c) => c.mimeType.toLowerCase() === w));
}

/** Has the transceiver offer them; an older browser offers all that it can. */
export function offerCodecs(transceiver: RTCRtpTransceiver): void {
  const codecs = wanted(RTCRtpReceiver.getCapabilities?.('audio')?.codecs ?? []);
  if (codecs.length >= 2) transceiver.setCodecPreferences?.(codecs);
}
