// Which key does what, in one table: what is obeyed is what the help shows.

const IS_MAC = navigator.platform.startsWith("Mac");

// On a Mac, Option with a letter types a letter, so Control is held as well.
const LETTER_KEYS = IS_MAC ? ["Ctrl", "Option"] : ["Alt"];
const CONTROL = IS_MAC ? "⌘" : "Ctrl";

// Letters with Alt that neither Chromium nor Firefox takes for itself.
const LETTERS = {
  KeyZ: "undo", KeyN: "note", KeyL: "label", KeyJ: "history", KeyP: "progress", KeyG: "guidelines",
};

// The command of a key that works wherever the focus is, or null.
export function command(event) {
  if (event.isComposing || event.getModifierState("AltGraph")) return null;
  const isControl = event.ctrlKey || event.metaKey;
  if (event.key === "Enter" && isControl && !event.altKey) return event.shiftKey ? "skip" : "confirm";
  const isLetter = event.altKey && !event.shiftKey && !event.metaKey && event.ctrlKey === IS_MAC;
  return (isLetter && LETTERS[event.code]) || null;
}

// Whether the key takes back: it belongs to the text in a field as long as there is any.
export function isUndo(event) {
  return (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "z";
}

const letter = (name) => [...LETTER_KEYS, name];

// For the help: groups of [what it does, ways to press it, each a list of keys].
export const HELP = [
  ["Choose labels", [
    ["Search", [["type"]]],
    ["Go through the list", [["↓"], ["↑"]]],
    ["Take the label, or take it away", [["Enter"]]],
    ["Take a suggestion, while the field is empty", [["1"], ["…"], ["9"]]],
    ["Search for what begins with a digit or ?", [["Space", "first"]]],
    ["Browse the hierarchy, while the field is empty", [["→"]]],
    ["Go down and up in it", [["→"], ["←"]]],
    ["Clear the field, leave the list", [["Esc"]]],
  ]],
  ["Answer", [
    ["Confirm and go on", [[CONTROL, "Enter"]]],
    ["Confirm, while the field is empty and nothing is marked", [["Enter"]]],
    ["Skip this text", [[CONTROL, "Shift", "Enter"]]],
    ["Back to the text before", [letter("Z")]],
    ["Back, while the field is empty", [[CONTROL, "Z"]]],
    ["Write a note to yourself", [letter("N")]],
    ["Scroll the text", [["Page ↑"], ["Page ↓"]]],
  ]],
  ["Elsewhere", [
    ["Label", [letter("L")]],
    ["Your answers", [letter("J")]],
    ["Progress", [letter("P")]],
    ["Guidelines", [letter("G")]],
    ["This help, while the field is empty", [["?"]]],
  ]],
];
