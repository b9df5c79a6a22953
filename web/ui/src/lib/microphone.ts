// The microphone of a call: asked for once, and again when it was lost.

/** What a voice wants of a browser. */
export const voice: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/**
 * Follows whether there is a microphone to speak into: the browser knows one, and
 * has not been told to keep it from us. works is called at once and on each change,
 * until the function that it returns is called.
 */
export function microphoneThere(works: (there: boolean) => void): () => void {
  const devices: MediaDevices | undefined = navigator.mediaDevices; // undefined on a page without TLS
  if (!devices?.enumerateDevices) {
    works(false);
    return () => {};
  }
  let over = false;
  let allowed: PermissionStatus | undefined;
  const look = async (): Promise<void> => {
    const known = await devices.enumerateDevices().catch(() => []);
    if (!over) works(allowed?.state !== 'denied' && known.some((d) => d.kind === 'audioinput'));
  };
  devices.addEventListener('devicechange', look);
  void navigator.permissions
    ?.query({ name: 'microphone' as PermissionName })
    .then((p) => {
      allowed = p;
      if (!over) p.addEventListener('change', look);
    })
    .catch(() => {}) // a browser that does not say
    .finally(look);
  if (!navigator.permissions) void look();
  return () => {
    over = true;
    devices.removeEventListener('devicechange', look);
    allowed?.removeEventListener('change', look);
  };
}

export type Watch = typeof watchMicrophone;

/**
 * Follows the microphone of a call until the function that it returns is called:
 * that of stream, which sender sends. heard(true) says that nothing of the person
 * is heard any more, heard(false) that it is again. A track that ended (unplugged,
 * permission withdrawn) is replaced in both as soon as the browser gives another:
 * at once, or when the devices change. One that the system silences is lost until
 * it speaks again.
 */
export function watchMicrophone(stream: MediaStream, sender: () => RTCRtpSender | undefined, heard: (lost: boolean) => void): () => void {
  const devices = navigator.mediaDevices;
  let over = false;
  const track = (): MediaStreamTrack | undefined => stream.getAudioTracks()[0];
  const follow = (next: MediaStreamTrack | undefined): void => {
    if (!next) return;
    next.onmute = () => heard(true);
    next.onunmute = () => heard(false);
    next.onended = () => {
      heard(true);
      void again();
    };
  };
  const again = async (): Promise<void> => {
    const was = track();
    if (over || !was || was.readyState === 'live') return;
    try {
      const [next] = (await devices.getUserMedia({ audio: voice })).getAudioTracks();
      if (!next) return;
      if (over || track() !== was) {
        next.stop(); // too late, or an earlier question was answered
        return;
      }
      next.enabled = was.enabled; // muted is muted
      stream.removeTrack(was);
      stream.addTrack(next);
      follow(next);
      await sender()?.replaceTrack(next);
      if (!over) heard(false);
    } catch {
      // none to be had: the next change of devices asks again
    }
  };
  follow(track());
  devices.ondevicechange = again;
  return () => {
    over = true;
    heard = () => {};
  };
}
