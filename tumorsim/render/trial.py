"""The smallest render there is, a white square on black. ``probe`` runs this file as a child process."""

from vtkmodules import vtkRenderingOpenGL2  # noqa: F401  (registers the OpenGL classes)
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
from vtkmodules.vtkFiltersSources import vtkPlaneSource
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkRenderer, vtkRenderWindow


def draw() -> None:
    square, mapper, actor, renderer = vtkPlaneSource(), vtkPolyDataMapper(), vtkActor(), vtkRenderer()
    mapper.SetInputConnection(square.GetOutputPort())
    actor.SetMapper(mapper)
    renderer.AddActor(actor)
    window = vtkRenderWindow()
    window.SetOffScreenRendering(True)
    window.SetSize(16, 16)
    window.AddRenderer(renderer)
    window.Render()
    pixels = vtkUnsignedCharArray()
    window.GetRGBACharPixelData(0, 0, 15, 15, 0, pixels, 0)
    brightness = vtk_to_numpy(pixels)[:, 0]
    if brightness.max() == brightness.min():
        raise SystemExit("the picture is blank")


if __name__ == "__main__":
    draw()
