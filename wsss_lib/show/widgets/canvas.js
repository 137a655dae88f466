// A photograph to paint on, below its classes. A class is chosen and a stroke drawn here, at once, and
// the stroke stays until the kernel has sent a picture that holds it: nothing waits for a kernel that
// computes. Zoom and pan never leave here.

const MOST_ZOOM = 32, MOST_WIDTH = 60, MOST_CLASSES = 21
const ERASER = 255, ERASER_COLOUR = "#e0e0c0"
const IN_TEXT = "input:not([type=checkbox]), textarea, [contenteditable=true]"
const HELP = "[ ] brush · Ctrl+wheel or + − zoom · right button or Space moves · F fits · Ctrl+Z, "
  + "Ctrl+Shift+Z undo, redo · 0 to 9 class"

function make(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

function render({ model, el }) {
  const classes = make("div", { className: "wsss-paint-classes" })
  const canvas = make("canvas", { className: "wsss-paint", tabIndex: 0, role: "img" })
  const help = make("div", { className: "wsss-paint-help" }, HELP)
  const context = canvas.getContext("2d")
  const view = { zoom: 1, x: 0, y: 0 } // x, y: the pixel of the photograph in the middle
  let photo = null, stroke = null, grip = null, mouse = null, space = false
  let turns = 0, strokes = [] // that no picture of the kernel holds yet
  canvas.ariaLabel = "photograph to paint on"
  canvas.dataset.lmSuppressShortcuts = "true" // else JupyterLab takes Ctrl+Z and others for itself
  el.append(classes, canvas, help)

  function choose(label) {
    if (label !== ERASER && !model.get("classes").some(each => each.label === label)) return
    model.set("label", label)
    model.save_changes()
  }

  function colour() {
    return model.get("classes").find(each => each.label === model.get("label"))?.colour
      ?? ERASER_COLOUR
  }

  function listClasses() {
    const chosen = model.get("label")
    const chooser = (label, text, title, style = "") => make("button", {
      title, style, ariaPressed: label === chosen, onclick: () => choose(label),
    }, text)
    const rows = model.get("classes").map(({ label, name, colour, ink }) => make(
      "span",
      {},
      chooser(label, label, `Paint with class ${label}`, `background: ${colour}; color: ${ink}`),
      make("input", {
        value: name,
        ariaLabel: `name of class ${label}`,
        onchange: event => model.send({ do: "rename", label, name: event.target.value }),
      }),
      make("button", {
        title: `Remove class ${label} and its strokes`,
        disabled: model.get("classes").length === 1,
        onclick: () => model.send({ do: "remove", label }),
      }, "×"),
    ))
    classes.replaceChildren(...rows, chooser(ERASER, "eraser", "Rub out"), make("button", {
      title: "Add a class",
      disabled: rows.length === MOST_CLASSES,
      onclick: () => model.send({ do: "add" }),
    }, "+ class"))
  }

  const scale = () => canvas.width / photo.width * view.zoom
  const place = event => { // in pixels of the photograph, from its corner
    const box = canvas.getBoundingClientRect()
    return [
      ((event.clientX - box.left) / box.width - .5) * canvas.width / scale() + view.x,
      ((event.clientY - box.top) / box.height - .5) * canvas.height / scale() + view.y,
    ]
  }

  function trace({ points, colour, width }) {
    context.beginPath()
    context.moveTo(...points[0])
    for (const point of [...points.slice(1), points.at(-1)]) context.lineTo(...point)
    context.strokeStyle = colour
    context.lineWidth = width
    context.stroke()
  }

  function ring([x, y]) {
    for (const [colour, width] of [["white", 3], ["black", 1]]) {
      context.beginPath()
      context.arc(x, y, model.get("width") / 2, 0, 2 * Math.PI)
      context.strokeStyle = colour
      context.lineWidth = width * devicePixelRatio / scale()
      context.stroke()
    }
  }

  function draw() {
    if (!photo || !canvas.width) return
    const s = scale()
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.clearRect(0, 0, canvas.width, canvas.height)
    context.setTransform(s, 0, 0, s, canvas.width / 2 - view.x * s, canvas.height / 2 - view.y * s)
    context.imageSmoothingEnabled = s < 3
    context.drawImage(photo, 0, 0)
    context.lineCap = context.lineJoin = "round"
    for (const each of [...strokes, stroke]) if (each) trace(each)
    if (mouse && !grip) ring(mouse)
    canvas.style.cursor = space || grip ? "grab" : "none"
  }

  function look(zoom, x, y) {
    view.zoom = Math.min(Math.max(zoom, 1), MOST_ZOOM)
    const inside = (at, size) => { // no edge of the photograph comes into the window
      const half = size / view.zoom / 2
      return Math.min(Math.max(at, half), size - half)
    }
    view.x = inside(x, photo.width)
    view.y = inside(y, photo.height)
    canvas.dataset.zoom = view.zoom.toFixed(2)
    draw()
  }

  function zoomBy(times, [x, y]) { // the pixel under the mouse stays there
    const most = Math.min(Math.max(view.zoom * times, 1), MOST_ZOOM), share = view.zoom / most
    look(most, x + (view.x - x) * share, y + (view.y - y) * share)
  }

  function fit() {
    look(1, photo.width / 2, photo.height / 2)
  }

  async function receive() {
    const turn = ++turns, seen = model.get("seen")
    const picture = await createImageBitmap(new Blob([model.get("picture")], { type: "image/png" }))
    if (turn < turns) return // a newer one is on its way
    strokes = strokes.filter(each => each.id > seen)
    const other = !photo || photo.width !== picture.width || photo.height !== picture.height
    photo = picture
    canvas.dataset.seen = seen
    if (!other) return draw()
    canvas.style.aspectRatio = `${photo.width} / ${photo.height}`
    canvas.style.maxWidth = `calc(var(--wsss-tall) * ${photo.width / photo.height})`
    fit()
  }

  function resize() {
    canvas.width = Math.round(canvas.clientWidth * devicePixelRatio)
    canvas.height = Math.round(canvas.clientHeight * devicePixelRatio)
    draw()
  }

  function finish() {
    if (stroke) {
      strokes.push(stroke)
      // the canvas counts from the corner of the first pixel, strokes from its centre
      const points = stroke.points.map(([x, y]) => [x - .5, y - .5])
      const { label, width, id } = stroke
      model.send({ do: "paint", points, label, width, id })
    }
    stroke = grip = null
    draw()
  }

  function undo() {
    strokes.pop() // the kernel may not know of it yet
    model.send({ do: "undo" })
  }

  function brush(width) {
    model.set("width", Math.min(Math.max(width, 1), MOST_WIDTH))
    model.save_changes()
    draw()
  }

  const keys = {
    "[": () => brush(model.get("width") - 1),
    "]": () => brush(model.get("width") + 1),
    "+": () => zoomBy(1.25, mouse ?? [view.x, view.y]),
    "-": () => zoomBy(.8, mouse ?? [view.x, view.y]),
    f: fit,
    " ": () => { space = true },
    "ctrl+z": undo,
    "ctrl+shift+z": () => model.send({ do: "redo" }),
    "ctrl+y": () => model.send({ do: "redo" }),
  }
  for (let label = 0; label < 10; label++) keys[label] = () => choose(label)

  const heard = {
    pointerenter: () => {
      if (!document.activeElement?.closest(IN_TEXT)) canvas.focus({ preventScroll: true })
    },
    pointerdown: event => {
      if (!event.isPrimary) return // a second finger
      canvas.focus({ preventScroll: true })
      canvas.setPointerCapture(event.pointerId)
      mouse = place(event)
      if (event.button || space) grip = mouse
      else stroke = {
        points: [mouse],
        colour: colour(),
        label: model.get("label"),
        width: model.get("width"),
        id: Date.now(),
      }
      draw()
    },
    pointermove: event => {
      if (!event.isPrimary) return
      mouse = place(event)
      if (grip) {
        look(view.zoom, view.x + grip[0] - mouse[0], view.y + grip[1] - mouse[1])
        mouse = grip
      } else if (stroke) stroke.points.push(mouse)
      draw()
    },
    pointerup: finish,
    pointercancel: finish,
    pointerleave: () => {
      mouse = null
      draw()
    },
    contextmenu: event => { // neither the browser's nor JupyterLab's
      event.preventDefault()
      event.stopPropagation()
    },
    wheel: event => {
      if (!event.ctrlKey && !event.metaKey) return // the page scrolls
      event.preventDefault()
      zoomBy(Math.exp(-event.deltaY / 300), place(event))
    },
    keydown: event => {
      const control = event.ctrlKey || event.metaKey, key = event.key.toLowerCase()
      const held = control && !event.altKey // AltGr, where [ may be, counts as Ctrl and Alt
      const act = keys[`${held ? "ctrl+" : ""}${held && event.shiftKey ? "shift+" : ""}${key}`]
      if (!act) return
      event.preventDefault()
      event.stopPropagation()
      act()
      draw()
    },
    keyup: event => {
      if (event.key === " ") space = false
      draw()
    },
    blur: () => { space = false },
  }
  for (const [name, hear] of Object.entries(heard)) canvas.addEventListener(name, hear)

  const changes = Object.entries({
    picture: receive, seen: receive, width: draw, classes: listClasses, label: listClasses,
  })
  for (const [name, follow] of changes) model.on(`change:${name}`, follow)
  model.on("msg:custom", (message, buffers) => {
    if (message.do === "fit") fit()
    if (message.do !== "download") return
    const link = document.createElement("a")
    link.href = URL.createObjectURL(new Blob([buffers[0]], { type: "image/png" }))
    link.download = message.name
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 60000)
  })
  const observer = new ResizeObserver(resize)
  observer.observe(canvas)
  listClasses()
  receive()
  return () => {
    observer.disconnect()
    for (const [name, follow] of changes) model.off(`change:${name}`, follow)
  }
}

export default { render }
