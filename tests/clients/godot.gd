# Godot 3: load what the editor imported, one line of JSON with triangles and materials for each suffix.
extends SceneTree

var points = []
var names = []
var materials = []
var bodies = []


func walk(node, place):
	if node is Spatial:
		place = place * node.transform
	if node is MeshInstance and node.mesh != null:
		names.append(node.name)
		add(node.mesh, place)
	if node is CollisionShape:
		bodies.append(node.shape.get_class())
	for child in node.get_children():
		walk(child, place)


func add(mesh, place):
	for surface in range(mesh.get_surface_count()):
		var arrays = mesh.surface_get_arrays(surface)
		var vertices = arrays[Mesh.ARRAY_VERTEX]
		var index = arrays[Mesh.ARRAY_INDEX]
		var count = index.size() if index != null else vertices.size()
		for k in range(count):
			var point = place.xform(vertices[index[k] if index != null else k])
			points += [point.x, point.y, point.z]
		var material = mesh.surface_get_material(surface)
		if material is SpatialMaterial:
			var texture = material.albedo_texture
			materials.append({
				"name": material.resource_name,
				"roughness": material.roughness,
				"metallic": material.metallic,
				"map": null if texture == null else [texture.get_width(), texture.get_height()],
			})


func found(suffix):
	# By its suffix, since this version cannot take a name outside ASCII from its environment.
	var folder = Directory.new()
	folder.open("res://")
	folder.list_dir_begin(true)
	var name = folder.get_next()
	while name != "" and not name.ends_with("." + suffix):
		name = folder.get_next()
	return name


func _init():
	for suffix in OS.get_environment("SLIPCAST_SUFFIXES").split(","):
		points = []
		names = []
		materials = []
		bodies = []
		var resource = load("res://" + found(suffix))
		if resource is PackedScene:
			walk(resource.instance(), Transform())
		elif resource is Mesh:
			add(resource, Transform())
		print("\n" + JSON.print({"points": points, "names": names, "materials": materials, "bodies": bodies}))
	quit()
