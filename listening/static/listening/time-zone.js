/** Where no time is set yet, the time zone is that of the researcher's browser. */

const zone = /** @type {HTMLSelectElement | null} */ (document.getElementById("id_time_zone"));
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
const times = /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("input[type=datetime-local]"));

if (zone && !zone.disabled && zone.value === "UTC" && ![...times].some((each) => each.value)) {
  if ([...zone.options].some((each) => each.value === here)) zone.value = here;
}
