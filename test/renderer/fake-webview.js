/**
 * Outside of Electron <webview> is an unknown element. This adds the methods and
 * events that the browser uses, around an iframe.
 */
if (!('loadURL' in document.createElement('webview'))) {
  new MutationObserver(() => {
    const webview = document.querySelector('webview')
    if (webview === null || webview.firstChild !== null) return
    const frame = document.createElement('iframe')
    frame.style.cssText = 'flex: 1; border: 0; background: white'
    webview.append(frame)
    const fire = (name, fields = {}) => webview.dispatchEvent(Object.assign(new Event(name), fields))
    const load = async url => {
      fire('did-start-loading')
      await new Promise(resolve => { setTimeout(resolve, 200) })
      if (url.includes('nowhere')) fire('did-fail-load', { errorCode: -105, errorDescription: 'ERR_NAME_NOT_RESOLVED', validatedURL: url, isMainFrame: true })
      else {
        frame.srcdoc = '<body style="font: 16px system-ui; margin: 3rem"><h1>my-app.home</h1><p>Every light that is on is a server on this computer.</p>'
        fire('did-navigate', { url })
        fire('dom-ready')
      }
      fire('did-stop-loading')
    }
    Object.assign(webview, {
      loadURL: load, reload() {}, reloadIgnoringCache() {}, stop() {}, goBack() {}, goForward() {}, clearHistory() {},
      canGoBack: () => false, canGoForward: () => false, isWaitingForResponse: () => false, getWebContentsId: () => 1,
    })
    setTimeout(() => fire('dom-ready'), 50)
  }).observe(document, { childList: true, subtree: true })
}
