/** One sound at a time: what starts stops the others, and goes on where they were, so that the same instant is compared. */

const sounds = [...document.querySelectorAll("audio")];

for (const sound of sounds) {
  sound.addEventListener("play", () => {
    const before = sounds.find((other) => other !== sound && !other.paused);
    if (!before) return;
    const at = before.currentTime;
    before.pause();
    if (!sound.readyState) sound.addEventListener("loadedmetadata", () => (sound.currentTime = at), { once: true });
    else sound.currentTime = at;
  });
}
